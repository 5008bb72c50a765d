"""Files with the boxes of pictures, in a folder of them: one module per format.

`formats` chooses the format of a folder. A module of a format has these names:

    is_here(files, names) -> bool        whether a folder has files of the format
    reading(files, names) -> Reading     which of its files are read, and what is passed over
    pictures(files, names)               Iterator[Picture], without the bytes of their files

`files` are all files of the folder by their names in it, and `names` those of pictures. To add one:
write `NAME.py` with these names, and name it in `formats`.
"""
