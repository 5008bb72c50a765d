"""Entities in files as tools write them: character spans of texts, and tables of a word a row.

They are known by their content: the roles `tokens` and `tags` of a problem find their columns.
"""
