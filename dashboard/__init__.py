"""The dashboard: pages, JSON, static files, translations. It never talks to a platform.

``create_app`` in ``dashboard.app`` builds it; one folder a feature (``auth``, ``staff``,
``inbox``), whose ``blueprint.py`` is the table of contents of its addresses.
"""
