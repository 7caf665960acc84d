"""The engagement log in Postgres: facts in, each once for ever, many requests to one commit."""
