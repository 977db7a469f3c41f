"""Databases: tables, writing, reading, housekeeping. The only package that knows Peewee."""
