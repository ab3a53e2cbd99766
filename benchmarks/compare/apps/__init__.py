"""What the worker processes of the queue-based rivals run."""
