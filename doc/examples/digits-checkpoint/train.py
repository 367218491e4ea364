#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A linear classifier on scikit-learn's digits that is saved, and goes on where it was.

`pegbox run digits-checkpoint.json` tunes it; `pegbox best --checkpoint DIR` unpacks the best one,
in which `model.pickle` is the trained model. Whatever ends a trial, a crash, a pause or Ctrl-C:
it goes on from its last checkpoint, and ends with the same numbers.
"""
import os
import pickle

import pegbox
from sklearn.datasets import load_digits
from sklearn.linear_model import SGDClassifier
from sklearn.model_selection import train_test_split

config = pegbox.config({"eta0": 0.01, "alpha": 1e-4, "epochs": 20})

digits = load_digits()
x_train, x_test, y_train, y_test = train_test_split(
    digits.data / 16.0, digits.target, test_size=0.25, random_state=1, stratify=digits.target)
if pegbox.restored():
    with open(os.path.join(pegbox.restored(), "model.pickle"), "rb") as file:
        epoch, model = pickle.load(file)
else:
    epoch, model = 0, SGDClassifier(loss="log_loss", learning_rate="constant",
                                    eta0=config["eta0"], alpha=config["alpha"], random_state=1)
while epoch < config["epochs"]:
    model.partial_fit(x_train, y_train, classes=digits.target_names)
    epoch += 1
    pegbox.report(accuracy=float(model.score(x_test, y_test)))
    # After the report: the checkpoint counts for it.
    if pegbox.should_save():
        with pegbox.checkpoint_dir(epoch) as folder:
            with open(os.path.join(folder, "model.pickle"), "wb") as file:
                pickle.dump((epoch, model), file)
