"""The pages of the stages that ask where a model holds, alone and as sections of the report.

To add one: a module named `STAGE_card` with the names of `Card` (sections.py), in CARDS there.
"""
