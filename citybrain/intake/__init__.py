"""Data sources in: frames checked, judged, written down before they are acknowledged, and made into what the loop observes.

`batch.py` has the nouns, `intake.py` the way through. Times are field times: the street's own clock.
"""
