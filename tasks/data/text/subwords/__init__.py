"""Vocabularies of subwords that are learnt from counted words.

To add one: write a module with what its training needs beside that of `tokenizers`; stage
`tokenizer` calls it.
"""
