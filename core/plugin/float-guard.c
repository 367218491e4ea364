/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Keeps the floating-point environment: an object built with -ffast-math turns
 * subnormal numbers off for the whole process while it is loaded.
 */
#include <fenv.h>
#include <float.h>

#include "plugin/plugin-private.h"

struct FloatGuard {
    fenv_t environment;
    int rounding, traps;
    gboolean subnormals;
};

/* Asked by arithmetic, since no standard call tells. */
static gboolean
subnormals_work(void)
{
    volatile double smallest_normal = DBL_MIN;
    volatile double half = smallest_normal / 2; /* flushed to zero as a result? */
    volatile double again = half * 2;           /* taken for zero as an operand? */
    return half != 0 && again == smallest_normal;
}

FloatGuard *
float_guard_new(void)
{
    FloatGuard *guard = g_new0(FloatGuard, 1);
    fegetenv(&guard->environment);
    guard->rounding = fegetround();
    guard->traps = fegetexcept();
    guard->subnormals = subnormals_work();
    return guard;
}

gboolean
float_guard_restore(FloatGuard *guard)
{
    gboolean changed = fegetround() != guard->rounding || fegetexcept() != guard->traps ||
                       subnormals_work() != guard->subnormals;
    fesetenv(&guard->environment);
    g_free(guard);
    return changed;
}
