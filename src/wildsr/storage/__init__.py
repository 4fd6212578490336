"""Files, processes and seeds for all layers; imports no other layer.

``atomic``: write a file completely or not at all. ``walk``: files below a folder. ``paths``: untrusted names.
``digest``: SHA-256 of a file. ``file_lock``: one process at a time. ``workers``: worker processes.
``seeds``: the random generator of a named image. ``devices``: which device to compute on.
``caches``: folders of caches. ``out_of_memory``: which errors mean it.
"""
