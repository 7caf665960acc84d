"""The read models on Postgres: their schemas, the processes that fill them, and the reader that answers."""
