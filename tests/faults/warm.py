"""Trains once when it is imported: processes forked afterwards begin with all of torch loaded."""

import os

from faults.trainee import train_whole

train_whole(None, os.devnull)
