"""The JSON API, ``/api/v1``: the work of the inbox for programs."""
