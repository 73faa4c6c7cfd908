"""The running process: command line, schedule, pipeline, workers."""
