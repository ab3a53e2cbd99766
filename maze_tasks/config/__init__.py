"""The configuration: ``maze.toml``, or the JSON of an EnsembleConfig, and the environment."""

from maze_tasks.config.loading import URL_VARIABLES, load_settings
from maze_tasks.config.settings import DEFAULT_FILE, Settings
from maze_tasks.config.urls import redact_url

__all__ = ["DEFAULT_FILE", "URL_VARIABLES", "Settings", "load_settings", "redact_url"]
