/* SPDX-License-Identifier: MIT */
/*
 * The layout of every struct of the plugin interface, as a compiler must lay it
 * out: a field that moves, or a struct that grows, changes what plugins built
 * before understand, so it is changed here on purpose, together with
 * PEGBOX_ABI_MINOR. 64-bit machines only.
 */
#include <pegbox/draft/executor.h>
#include <pegbox/logger.h>
#include <pegbox/plugin.h>
#include <pegbox/scheduler.h>
#include <pegbox/search.h>
#include <pegbox/services.h>
#include <pegbox/stopper.h>
#include <pegbox/trainable.h>
#include <pegbox/types.h>
#include <stddef.h>

#define AT(STRUCT, FIELD, OFFSET)                                                                  \
    _Static_assert(offsetof(STRUCT, FIELD) == OFFSET, #STRUCT "." #FIELD " moved")
#define SIZE(STRUCT, BYTES) _Static_assert(sizeof(STRUCT) == BYTES, #STRUCT " changed its size")

_Static_assert(PEGBOX_ABI_MAJOR == 0 && PEGBOX_ABI_MINOR == 3, "this is the layout of ABI 0.3");
_Static_assert(sizeof(void *) == 8, "pegbox is for 64-bit machines");
_Static_assert(sizeof(pbx_status) == 4, "pbx_status changed its size");

/* ---- pegbox/types.h ---- */

SIZE(pbx_error, 1024);
AT(pbx_error, where, 0);
AT(pbx_error, message, 128);

SIZE(pbx_sink, 16);
AT(pbx_sink, ctx, 0);
AT(pbx_sink, write, 8);

SIZE(pbx_dim, 88);
AT(pbx_dim, struct_size, 0);
AT(pbx_dim, type, 4);
AT(pbx_dim, flags, 8);
AT(pbx_dim, parent, 12);
AT(pbx_dim, low, 16);
AT(pbx_dim, high, 24);
AT(pbx_dim, quantum, 32);
AT(pbx_dim, mean, 40);
AT(pbx_dim, sd, 48);
AT(pbx_dim, n_choices, 56);
AT(pbx_dim, parent_choice, 60);
AT(pbx_dim, name, 64);
AT(pbx_dim, path, 72);
AT(pbx_dim, choices, 80);

SIZE(pbx_space, 16);
AT(pbx_space, struct_size, 0);
AT(pbx_space, n_dims, 4);
AT(pbx_space, dims, 8);

SIZE(pbx_objective, 16);
AT(pbx_objective, struct_size, 0);
AT(pbx_objective, sign, 4);
AT(pbx_objective, name, 8);

SIZE(pbx_problem, 64);
AT(pbx_problem, struct_size, 0);
AT(pbx_problem, flags, 4);
AT(pbx_problem, n_objectives, 8);
AT(pbx_problem, n_constraints, 12);
AT(pbx_problem, space, 16);
AT(pbx_problem, objectives, 24);
AT(pbx_problem, constraints, 32);
AT(pbx_problem, num_samples, 40);
AT(pbx_problem, max_concurrent, 48);
AT(pbx_problem, time_budget_ns, 56);

SIZE(pbx_amounts, 24);
AT(pbx_amounts, struct_size, 0);
AT(pbx_amounts, n, 4);
AT(pbx_amounts, names, 8);
AT(pbx_amounts, values, 16);

SIZE(pbx_result, 144);
AT(pbx_result, struct_size, 0);
AT(pbx_result, flags, 4);
AT(pbx_result, n_losses, 8);
AT(pbx_result, n_violations, 12);
AT(pbx_result, n_watched, 16);
AT(pbx_result, rung, 20);
AT(pbx_result, trial, 24);
AT(pbx_result, seq, 32);
AT(pbx_result, iteration, 40);
AT(pbx_result, at_ns, 48);
AT(pbx_result, time_total_s, 56);
AT(pbx_result, budget, 64);
AT(pbx_result, losses, 72);
AT(pbx_result, violations, 80);
AT(pbx_result, watched, 88);
AT(pbx_result, present, 96);
AT(pbx_result, counts, 104);
AT(pbx_result, free, 112);
AT(pbx_result, fields, 120);
AT(pbx_result, text, 128);
AT(pbx_result, text_size, 136);

SIZE(pbx_suggestion, 56);
AT(pbx_suggestion, struct_size, 0);
AT(pbx_suggestion, flags, 4);
AT(pbx_suggestion, n_dims, 8);
AT(pbx_suggestion, trial, 16);
AT(pbx_suggestion, ask, 24);
AT(pbx_suggestion, x, 32);
AT(pbx_suggestion, origin, 40);
AT(pbx_suggestion, extra, 48);

SIZE(pbx_outcome, 64);
AT(pbx_outcome, struct_size, 0);
AT(pbx_outcome, flags, 4);
AT(pbx_outcome, end, 8);
AT(pbx_outcome, n_dims, 12);
AT(pbx_outcome, trial, 16);
AT(pbx_outcome, origin, 24);
AT(pbx_outcome, x, 32);
AT(pbx_outcome, last, 40);
AT(pbx_outcome, budget, 48);
AT(pbx_outcome, elapsed_s, 56);

SIZE(pbx_trial, 104);
AT(pbx_trial, struct_size, 0);
AT(pbx_trial, state, 4);
AT(pbx_trial, attempt, 8);
AT(pbx_trial, n_checkpoints, 12);
AT(pbx_trial, trial, 16);
AT(pbx_trial, source, 24);
AT(pbx_trial, id, 32);
AT(pbx_trial, name, 40);
AT(pbx_trial, tag, 48);
AT(pbx_trial, dir, 56);
AT(pbx_trial, config, 64);
AT(pbx_trial, config_text, 72);
AT(pbx_trial, resources, 80);
AT(pbx_trial, location, 88);
AT(pbx_trial, last, 96);

/* ---- pegbox/plugin.h ---- */

SIZE(pbx_option, 64);
AT(pbx_option, name, 0);
AT(pbx_option, doc, 8);
AT(pbx_option, since, 16);
AT(pbx_option, type, 24);
AT(pbx_option, flags, 28);
AT(pbx_option, min, 32);
AT(pbx_option, max, 40);
AT(pbx_option, fallback, 48);
AT(pbx_option, choices, 56);

SIZE(pbx_host, 152);
AT(pbx_host, struct_size, 0);
AT(pbx_host, abi_major, 4);
AT(pbx_host, abi_minor, 8);
AT(pbx_host, reserved, 12);
AT(pbx_host, ctx, 16);
AT(pbx_host, name, 24);
AT(pbx_host, version, 32);
AT(pbx_host, service, 40);
AT(pbx_host, log, 48);
AT(pbx_host, now_ns, 56);
AT(pbx_host, random, 64);
AT(pbx_host, cancelled, 72);
AT(pbx_host, json_type, 80);
AT(pbx_host, json_member, 88);
AT(pbx_host, json_item, 96);
AT(pbx_host, json_length, 104);
AT(pbx_host, json_key, 112);
AT(pbx_host, json_bool, 120);
AT(pbx_host, json_real, 128);
AT(pbx_host, json_int, 136);
AT(pbx_host, json_string, 144);

SIZE(pbx_interface, 16);
AT(pbx_interface, id, 0);
AT(pbx_interface, vtable, 8);

SIZE(pbx_plugin, 80);
AT(pbx_plugin, struct_size, 0);
AT(pbx_plugin, flags, 4);
AT(pbx_plugin, option_size, 8);
AT(pbx_plugin, n_options, 12);
AT(pbx_plugin, kind, 16);
AT(pbx_plugin, name, 24);
AT(pbx_plugin, version, 32);
AT(pbx_plugin, summary, 40);
AT(pbx_plugin, license, 48);
AT(pbx_plugin, url, 56);
AT(pbx_plugin, options, 64);
AT(pbx_plugin, interfaces, 72);

SIZE(pbx_entry, 32);
AT(pbx_entry, magic, 0);
AT(pbx_entry, struct_size, 4);
AT(pbx_entry, abi_major, 8);
AT(pbx_entry, abi_minor, 12);
AT(pbx_entry, build_flags, 16);
AT(pbx_entry, n_plugins, 20);
AT(pbx_entry, plugins, 24);

SIZE(pbx_object, 72);
AT(pbx_object, create, 0);
AT(pbx_object, destroy, 8);
AT(pbx_object, state_version, 16);
AT(pbx_object, reserved, 20);
AT(pbx_object, save, 24);
AT(pbx_object, load, 32);
AT(pbx_object, describe, 40);
AT(pbx_object, caps, 48);
AT(pbx_object, spare_1, 56);
AT(pbx_object, spare_2, 64);

/* ---- pegbox/search.h ---- */

SIZE(pbx_search, 136);
AT(pbx_search, struct_size, 0);
AT(pbx_search, caps, 4);
AT(pbx_search, object, 8);
AT(pbx_search, setup, 80);
AT(pbx_search, suggest, 88);
AT(pbx_search, adopt, 96);
AT(pbx_search, state, 104);
AT(pbx_search, report, 112);
AT(pbx_search, tell, 120);
AT(pbx_search, total, 128);

/* ---- pegbox/scheduler.h ---- */

SIZE(pbx_decision, 24);
AT(pbx_decision, struct_size, 0);
AT(pbx_decision, action, 4);
AT(pbx_decision, rung, 8);
AT(pbx_decision, bracket, 12);
AT(pbx_decision, budget, 16);

SIZE(pbx_choice, 56);
AT(pbx_choice, struct_size, 0);
AT(pbx_choice, flags, 4);
AT(pbx_choice, n, 8);
AT(pbx_choice, reserved, 12);
AT(pbx_choice, n_waiting, 16);
AT(pbx_choice, counts, 24);
AT(pbx_choice, free, 32);
AT(pbx_choice, trials, 40);
AT(pbx_choice, pick, 48);

SIZE(pbx_scheduler, 136);
AT(pbx_scheduler, struct_size, 0);
AT(pbx_scheduler, caps, 4);
AT(pbx_scheduler, object, 8);
AT(pbx_scheduler, setup, 80);
AT(pbx_scheduler, add, 88);
AT(pbx_scheduler, state, 96);
AT(pbx_scheduler, result, 104);
AT(pbx_scheduler, end, 112);
AT(pbx_scheduler, choose, 120);
AT(pbx_scheduler, acted, 128);

/* ---- pegbox/stopper.h ---- */

SIZE(pbx_verdict, 24);
AT(pbx_verdict, struct_size, 0);
AT(pbx_verdict, stop, 4);
AT(pbx_verdict, again_ns, 8);
AT(pbx_verdict, reason, 16);

SIZE(pbx_stopper, 112);
AT(pbx_stopper, struct_size, 0);
AT(pbx_stopper, caps, 4);
AT(pbx_stopper, object, 8);
AT(pbx_stopper, setup, 80);
AT(pbx_stopper, result, 88);
AT(pbx_stopper, end, 96);
AT(pbx_stopper, all, 104);

/* ---- pegbox/logger.h ---- */

SIZE(pbx_checkpoint, 56);
AT(pbx_checkpoint, struct_size, 0);
AT(pbx_checkpoint, flags, 4);
AT(pbx_checkpoint, id, 8);
AT(pbx_checkpoint, trial, 16);
AT(pbx_checkpoint, step, 24);
AT(pbx_checkpoint, bytes, 32);
AT(pbx_checkpoint, path, 40);
AT(pbx_checkpoint, sha256, 48);

SIZE(pbx_event, 72);
AT(pbx_event, struct_size, 0);
AT(pbx_event, type, 4);
AT(pbx_event, seq, 8);
AT(pbx_event, at_ns, 16);
AT(pbx_event, trial, 24);
AT(pbx_event, result, 32);
AT(pbx_event, checkpoint, 40);
AT(pbx_event, text, 48);
AT(pbx_event, data, 56);
AT(pbx_event, data_size, 64);

SIZE(pbx_logger, 112);
AT(pbx_logger, struct_size, 0);
AT(pbx_logger, caps, 4);
AT(pbx_logger, object, 8);
AT(pbx_logger, wanted, 80);
AT(pbx_logger, setup, 88);
AT(pbx_logger, events, 96);
AT(pbx_logger, flush, 104);

/* ---- pegbox/trainable.h ---- */

SIZE(pbx_trainable, 136);
AT(pbx_trainable, struct_size, 0);
AT(pbx_trainable, caps, 4);
AT(pbx_trainable, object, 8);
AT(pbx_trainable, run, 80);
AT(pbx_trainable, setup, 88);
AT(pbx_trainable, step, 96);
AT(pbx_trainable, checkpoint_save, 104);
AT(pbx_trainable, checkpoint_load, 112);
AT(pbx_trainable, reset, 120);
AT(pbx_trainable, check, 128);

/* ---- pegbox/services.h ---- */

SIZE(pbx_json_write, 128);
AT(pbx_json_write, struct_size, 0);
AT(pbx_json_write, reserved, 4);
AT(pbx_json_write, begin, 8);
AT(pbx_json_write, object_begin, 16);
AT(pbx_json_write, object_end, 24);
AT(pbx_json_write, array_begin, 32);
AT(pbx_json_write, array_end, 40);
AT(pbx_json_write, key, 48);
AT(pbx_json_write, null, 56);
AT(pbx_json_write, boolean, 64);
AT(pbx_json_write, integer, 72);
AT(pbx_json_write, real, 80);
AT(pbx_json_write, string, 88);
AT(pbx_json_write, node, 96);
AT(pbx_json_write, end, 104);
AT(pbx_json_write, parse, 112);
AT(pbx_json_write, release, 120);

SIZE(pbx_files, 32);
AT(pbx_files, struct_size, 0);
AT(pbx_files, reserved, 4);
AT(pbx_files, append, 8);
AT(pbx_files, replace, 16);
AT(pbx_files, read, 24);

SIZE(pbx_expression, 16);
AT(pbx_expression, struct_size, 0);
AT(pbx_expression, reserved, 4);
AT(pbx_expression, eval, 8);

SIZE(pbx_child, 40);
AT(pbx_child, struct_size, 0);
AT(pbx_child, caps, 4);
AT(pbx_child, slot, 8);
AT(pbx_child, name, 16);
AT(pbx_child, vtable, 24);
AT(pbx_child, instance, 32);

SIZE(pbx_children, 56);
AT(pbx_children, struct_size, 0);
AT(pbx_children, reserved, 4);
AT(pbx_children, get, 8);
AT(pbx_children, problem, 16);
AT(pbx_children, result, 24);
AT(pbx_children, outcome, 32);
AT(pbx_children, suggestion, 40);
AT(pbx_children, told, 48);
SIZE(pbx_observations, 24);
AT(pbx_observations, struct_size, 0);
AT(pbx_observations, reserved, 4);
AT(pbx_observations, read, 8);
AT(pbx_observations, left_out, 16);

SIZE(pbx_template, 24);
AT(pbx_template, struct_size, 0);
AT(pbx_template, reserved, 4);
AT(pbx_template, text, 8);
AT(pbx_template, words, 16);

SIZE(pbx_dirs, 32);
AT(pbx_dirs, struct_size, 0);
AT(pbx_dirs, reserved, 4);
AT(pbx_dirs, scratch, 8);
AT(pbx_dirs, durable, 16);
AT(pbx_dirs, experiment, 24);

SIZE(pbx_post, 56);
AT(pbx_post, struct_size, 0);
AT(pbx_post, type, 4);
AT(pbx_post, code, 8);
AT(pbx_post, signal, 12);
AT(pbx_post, seconds, 16);
AT(pbx_post, name, 24);
AT(pbx_post, handle, 32);
AT(pbx_post, location, 40);
AT(pbx_post, why, 48);

SIZE(pbx_events, 16);
AT(pbx_events, struct_size, 0);
AT(pbx_events, reserved, 4);
AT(pbx_events, post, 8);

SIZE(pbx_answer, 16);
AT(pbx_answer, struct_size, 0);
AT(pbx_answer, stop, 4);
AT(pbx_answer, save, 8);
AT(pbx_answer, saving, 12);

SIZE(pbx_session_info, 80);
AT(pbx_session_info, struct_size, 0);
AT(pbx_session_info, rank, 4);
AT(pbx_session_info, size, 8);
AT(pbx_session_info, flags, 12);
AT(pbx_session_info, trial, 16);
AT(pbx_session_info, restored, 24);
AT(pbx_session_info, cwd, 32);
AT(pbx_session_info, env, 40);
AT(pbx_session_info, out, 48);
AT(pbx_session_info, err, 56);
AT(pbx_session_info, metric, 64);
AT(pbx_session_info, metrics, 72);

SIZE(pbx_session, 96);
AT(pbx_session, struct_size, 0);
AT(pbx_session, reserved, 4);
AT(pbx_session, info, 8);
AT(pbx_session, report, 16);
AT(pbx_session, poll, 24);
AT(pbx_session, poll_fd, 32);
AT(pbx_session, program_fd, 40);
AT(pbx_session, program_step, 48);
AT(pbx_session, program_started, 56);
AT(pbx_session, checkpoint_begin, 64);
AT(pbx_session, checkpoint_end, 72);
AT(pbx_session, data, 80);
AT(pbx_session, line, 88);

/* ---- pegbox/draft/executor.h ---- */

SIZE(pbx_launch, 80);
AT(pbx_launch, struct_size, 0);
AT(pbx_launch, flags, 4);
AT(pbx_launch, channel, 8);
AT(pbx_launch, attempt, 12);
AT(pbx_launch, trial, 16);
AT(pbx_launch, grace_s, 24);
AT(pbx_launch, name, 32);
AT(pbx_launch, argv, 40);
AT(pbx_launch, env, 48);
AT(pbx_launch, cwd, 56);
AT(pbx_launch, out, 64);
AT(pbx_launch, err, 72);

SIZE(pbx_executor, 104);
AT(pbx_executor, struct_size, 0);
AT(pbx_executor, caps, 4);
AT(pbx_executor, object, 8);
AT(pbx_executor, open, 80);
AT(pbx_executor, start, 88);
AT(pbx_executor, stop, 96);
