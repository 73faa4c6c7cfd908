"""What an operator may set: see :class:`config.settings.Settings`."""

from config.settings import Settings, SettingsError, load

__all__ = ["Settings", "SettingsError", "load"]
