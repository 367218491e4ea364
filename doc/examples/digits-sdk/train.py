#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A linear classifier on scikit-learn's digits, with pegbox's Python SDK.

`pegbox run digits-sdk.json` tunes it. `python3 train.py` alone runs it once with the
defaults, where pegbox.py is importable (it is one file: share/pegbox/python/pegbox.py).
"""
import pegbox
from sklearn.datasets import load_digits
from sklearn.linear_model import SGDClassifier
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split

config = pegbox.config({"eta0": 0.01, "alpha": 1e-4, "penalty": {"type": "l2"}, "epochs": 20})

digits = load_digits()
x_train, x_test, y_train, y_test = train_test_split(
    digits.data / 16.0, digits.target, test_size=0.25, random_state=1, stratify=digits.target)
model = SGDClassifier(
    loss="log_loss", learning_rate="constant", eta0=config["eta0"], alpha=config["alpha"],
    penalty=config["penalty"]["type"], l1_ratio=config["penalty"].get("l1_ratio", 0.15),
    random_state=1)
for epoch in range(config["epochs"]):
    model.partial_fit(x_train, y_train, classes=digits.target_names)
    # Ends the program here, by pegbox.Stop, once the scheduler has seen enough.
    pegbox.report(
        accuracy=float(model.score(x_test, y_test)),
        loss=float(log_loss(y_test, model.predict_proba(x_test), labels=model.classes_)))
