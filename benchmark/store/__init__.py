"""What is on disk: files, records, codes and what papers report; everything here may be damaged or somebody else's."""
