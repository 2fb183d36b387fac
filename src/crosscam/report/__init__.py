"""Reports: what a run's scores look like, for someone who has never seen one."""
