#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Trains a small neural network on scikit-learn's digits, epoch by epoch.

Knows nothing of pegbox: hyperparameters are ordinary options, and each epoch prints one
JSON line.
"""
import argparse
import json
import warnings

from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lr", type=float, default=0.01, help="learning rate")
    parser.add_argument("--alpha", type=float, default=1e-4, help="L2 penalty")
    parser.add_argument("--hidden", type=int, default=32, help="units of the hidden layer")
    parser.add_argument("--activation", choices=["relu", "tanh"], default="relu")
    parser.add_argument("--batch", type=int, default=64, help="batch size")
    parser.add_argument("--epochs", type=int, default=20)
    options = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)

    digits = load_digits()
    x_train, x_test, y_train, y_test = train_test_split(
        digits.data / 16.0, digits.target, test_size=0.25, random_state=1, stratify=digits.target)
    model = MLPClassifier((options.hidden,), activation=options.activation, alpha=options.alpha,
                          learning_rate_init=options.lr, batch_size=options.batch, random_state=1)
    for epoch in range(1, options.epochs + 1):
        model.partial_fit(x_train, y_train, classes=digits.target_names)
        probabilities = model.predict_proba(x_test)
        print(json.dumps({
            "epoch": epoch,
            "accuracy": round(model.score(x_test, y_test), 4),
            "loss": round(log_loss(y_test, probabilities, labels=model.classes_), 4),
        }))


if __name__ == "__main__":
    main()
