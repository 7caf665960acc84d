"""Read models made anew from history, beside the live ones, and put in their place.

A rebuild fills a shadow schema in units of work that are each done once, whoever is killed; catches up; is compared
with the live tables at one position; and is swapped in by renaming. ``rebuild.py`` has the whole in its order.
"""
