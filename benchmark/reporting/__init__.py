"""What a folder of records says: tables, claims, figures and pages; it sees the store and metrics only."""
