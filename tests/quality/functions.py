# SPDX-License-Identifier: LGPL-2.1-or-later
"""The functions of functions.c, as an Optuna trial's objective."""
import math

REFERENCE = 1.1, 11  # of zdt1, ...: a tenth beyond the largest values that there are


def floats(trial, n, low, high):
    return [trial.suggest_float("x%d" % i, low, high) for i in range(n)]


def branin_at(x):
    b, c = 5.1 / (4 * math.pi ** 2), 5 / math.pi
    return (x[1] - b * x[0] ** 2 + c * x[0] - 6) ** 2 + \
        10 * (1 - 1 / (8 * math.pi)) * math.cos(x[0]) + 10


def branin(trial):
    return branin_at([trial.suggest_float("x0", -5, 10), trial.suggest_float("x1", 0, 15)])


ALPHA = (1, 1.2, 3, 3.2)
A = ((10, 3, 17, 3.5, 1.7, 8), (0.05, 10, 17, 0.1, 8, 14), (3, 3.5, 1.7, 10, 17, 8),
     (17, 8, 0.05, 10, 0.1, 14))
P = ((1312, 1696, 5569, 124, 8283, 5886), (2329, 4135, 8307, 3736, 1004, 9991),
     (2348, 1451, 3522, 2883, 3047, 6650), (4047, 8828, 8732, 5743, 1091, 381))


def hartmann6_at(x):
    return -sum(alpha * math.exp(-sum(a[j] * (x[j] - p[j] / 10000) ** 2 for j in range(6)))
                for alpha, a, p in zip(ALPHA, A, P))


def rosenbrock5_at(x):
    return sum(100 * (x[i + 1] - x[i] ** 2) ** 2 + (1 - x[i]) ** 2 for i in range(4))


def ackley10_at(x):
    return -20 * math.exp(-0.2 * math.sqrt(sum(v * v for v in x[:10]) / 10)) - \
        math.exp(sum(math.cos(2 * math.pi * v) for v in x[:10]) / 10) + 20 + math.e


def levy4_at(x):
    w = [1 + (v - 1) / 4 for v in x[:4]]
    return math.sin(math.pi * w[0]) ** 2 + \
        sum((v - 1) ** 2 * (1 + 10 * math.sin(math.pi * v + 1) ** 2) for v in w[:3]) + \
        (w[3] - 1) ** 2 * (1 + math.sin(2 * math.pi * w[3]) ** 2)


def mixcond(trial):
    opt = trial.suggest_categorical("opt", ["sgd", "adam", "rmsprop"])
    if opt == "sgd":
        rate = trial.suggest_float("sgd_lr", 1e-5, 1, log=True)
        momentum = trial.suggest_float("sgd_mom", 0, 1)
        value = 0.10 + 0.25 * (math.log10(rate) + 1.5) ** 2 + 2 * (momentum - 0.9) ** 2
    elif opt == "adam":
        rate = trial.suggest_float("adam_lr", 1e-6, 1e-1, log=True)
        beta = trial.suggest_float("adam_beta", 0.8, 1)
        value = 0.25 * (math.log10(rate) + 3) ** 2 + 20 * (beta - 0.92) ** 2
    else:
        rate = trial.suggest_float("rms_lr", 1e-6, 1e-1, log=True)
        value = 0.05 + 0.25 * (math.log10(rate) + 3.5) ** 2
    layers = trial.suggest_int("layers", 1, 8)
    units = trial.suggest_int("units", 8, 1024, log=True)
    act = trial.suggest_categorical("act", ["relu", "tanh", "gelu", "selu"])
    drop = trial.suggest_float("drop", 0, 0.6, step=0.05)
    return value + 0.03 * (layers - 3) ** 2 + 0.1 * (math.log2(units) - 7) ** 2 + \
        {"relu": 0.05, "tanh": 0.2, "gelu": 0, "selu": 0.1}[act] + 2 * (drop - 0.05 * layers) ** 2


def zdt_at(number, x):
    first, g = x[0], 1 + 9 * sum(x[1:30]) / 29
    part = first / g
    if number == 1:
        return first, g * (1 - math.sqrt(part))
    if number == 2:
        return first, g * (1 - part * part)
    return first, g * (1 - math.sqrt(part) - part * math.sin(10 * math.pi * first))


def hypervolume(points):
    """Of pairs, below the reference point."""
    area, height = 0, REFERENCE[1]
    for first, second in sorted(points):
        if first < REFERENCE[0] and second < height:
            area += (REFERENCE[0] - first) * (height - second)
            height = second
    return area


FUNCTIONS = {
    "branin": branin,
    "hartmann6": lambda trial: hartmann6_at(floats(trial, 6, 0, 1)),
    "rosenbrock5": lambda trial: rosenbrock5_at(floats(trial, 5, -5, 10)),
    "ackley10": lambda trial: ackley10_at(floats(trial, 10, -20, 40)),
    "levy4": lambda trial: levy4_at(floats(trial, 4, -10, 10)),
    "mixcond": mixcond,
    "zdt1": lambda trial: zdt_at(1, floats(trial, 30, 0, 1)),
    "zdt2": lambda trial: zdt_at(2, floats(trial, 30, 0, 1)),
    "zdt3": lambda trial: zdt_at(3, floats(trial, 30, 0, 1)),
}
