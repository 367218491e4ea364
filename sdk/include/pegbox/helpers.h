/* SPDX-License-Identifier: MIT */
/*
 * pegbox/helpers.h: inline code that makes a plugin short. Optional: nothing of it
 * crosses the interface, and a plugin may use any part alone. It needs libc and
 * libm. sdk/examples/ shows a whole search and a whole stopper made with it.
 *
 * A plugin defines struct pbx_instance with `pbx_base base` as its first member,
 * a table of options, an init function, its calls, and ends with one macro:
 *
 *     struct pbx_instance {
 *         pbx_base base;
 *         double limit;
 *     };
 *     static const pbx_option options[] = {
 *         PBX_OPT_REAL("limit", "where a trial ends", "1.0", 0, INFINITY, "10"),
 *     };
 *     static pbx_status
 *     init(pbx_instance *self, const pbx_host *host, const pbx_json *options, pbx_error *error)
 *     {
 *         self->limit = pbx_real(host, options, "limit");
 *         return PBX_OK;
 *     }
 *     static pbx_status
 *     result(pbx_instance *self, const pbx_result *r, pbx_verdict *verdict, pbx_error *error)
 *     ...
 *     PEGBOX_STOPPER("limit", "1.0", "Ends trials at a limit", "MIT", options, 0, 0, init, NULL,
 *                    .result = result);
 */
#ifndef PEGBOX_HELPERS_H
#define PEGBOX_HELPERS_H

#include <pegbox/helpers/children.h>
#include <pegbox/helpers/define.h>
#include <pegbox/helpers/hypervolume.h>
#include <pegbox/helpers/inner.h>
#include <pegbox/helpers/memory.h>
#include <pegbox/helpers/metric.h>
#include <pegbox/helpers/npy.h>
#include <pegbox/helpers/points.h>
#include <pegbox/helpers/rank.h>
#include <pegbox/helpers/rng.h>
#include <pegbox/helpers/space.h>
#include <pegbox/helpers/state.h>

#endif
