"""Celery workers: thin edges around ``maze_tasks``."""
