"""What people read: the report page and the table of a replay."""
