"""The page with the results of an experiment, in sections.

To add a section, write a function that gives it as Markdown, and call it in
`tasks/stages/report.py`.
"""
