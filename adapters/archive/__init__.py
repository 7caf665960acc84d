"""Old facts in files: partitions of the engagement log moved out of the database, and still read by all who ask."""
