"""The GraphQL schema and what runs operations on it. The one way to read; everything else is a client of this."""
