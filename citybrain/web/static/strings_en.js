// The page's words in English.

export const en = {
  brand: 'City Brain', arm_N: 'N', arm_NE: 'NE', arm_E: 'E', arm_SE: 'SE', arm_S: 'S', arm_SW: 'SW', arm_W: 'W', arm_NW: 'NW',
  skip_to_list: 'Skip to the list of signals', skip_to_signal: 'Skip to the open signal',
  field_time: 'Field time', simulated: 'simulated', measured: 'measured',
  simulated_means: 'The street is a simulation; no figure here was measured on a real one.', measured_means: 'Figures come from sensors on the street.',
  controller: 'Controller', theme: 'Light, dark or as the system', figures: 'Figures of the city', signals: 'Signals', signal: 'Signal', map: 'Map', events: 'Events', views: 'Views',
  close: 'Close', cancel: 'Cancel', unit: 'Unit', now: 'now', from: 'From', veh: 'veh', veh_h: 'veh/h', s_veh: 's/veh',

  link_connecting: 'Connecting', link_live: 'Live', link_stale: 'No news for {s} s', link_lost: 'Connection lost, next try in {retry} s',
  banner_stale: 'What you see is {s} s old (field time {time}). Do not act on it.', banner_lost: 'The service cannot be reached. What you see is from {time}; the signals go on by their leases and base plans. Trying again.',
  trying_again: 'Trying again.',

  kpi_congestion: 'Congestion index', kpi_congestion_15: 'In 15 minutes', kpi_queue: 'Queue', kpi_throughput: 'Throughput', kpi_delay: 'Stopped delay', kpi_difference: 'Change in delay',
  rising: 'rising', falling: 'falling', steady: 'steady', forecast_word: 'forecast', interval: '95 % interval {low} to {high}', no_comparison: 'No comparison yet', collecting: 'min before {before}/10, after {after}/10', gathering: 'after a full minute',
  before: 'Before', after: 'After',

  layer: 'What the map shows', layer_queue: 'Queues', layer_congestion: 'Congestion now', layer_congestion_15: 'In 15 min', legend_queue: 'Queue [veh]', legend_congestion: 'Congestion index', legend_congestion_15: 'Index in 15 min (forecast)',
  zoom_in: 'Closer', zoom_out: 'Farther', fit: 'Whole city', map_label: 'Map of {n} signals. Arrow keys move, plus and minus zoom, 0 shows all, Enter opens the signal in the middle.',
  nothing_here: 'No signal near the middle', tip: '{id} · phase {phase} · queue {queue} veh · index {now}, in 15 min {later} · {mode} · {health}',
  lamp_protected: 'Green', lamp_permissive: 'Green, yields', lamp_amber: 'Yellow', lamp_red: 'Red', lamp_on_red: 'Right on red', lamp_unknown: 'Unknown',

  filter: 'Find a signal', only: 'Which signals', only_all: 'All', only_attention: 'Need attention', count: '{n} of {all} signals', opened: 'Signal {id} is open',
  sorting: 'Sort the list', ascending: 'ascending', descending: 'descending',
  column_id: 'Signal', column_mode: 'Mode', column_health: 'State', column_queue: 'Queue', column_congestion: 'Index',
  column_id_title: 'Sort by name', column_mode_title: 'Sort by mode', column_health_title: 'Sort by health', column_queue_title: 'Sort by queue [veh]', column_congestion_title: 'Sort by congestion index',
  mode: 'Mode', mode_observe: 'Observe', mode_shadow: 'Shadow', mode_advise: 'Advise', mode_automatic: 'Automatic',
  mode_short_observe: 'OBS', mode_short_shadow: 'SHD', mode_short_advise: 'ADV', mode_short_automatic: 'AUTO',
  mode_do: 'Set this mode', mode_all: 'Set mode of all shown', mode_all_text: '{n} signals go into mode {mode}.', mode_observe_means: 'No plan is worked out; the controller runs its own.', mode_shadow_means: 'Plans are worked out and scored, none is sent.', mode_advise_means: 'Plans wait for an engineer.', mode_automatic_means: 'Vetted plans are sent to the controller.',
  health_ok: 'In order', health_degraded: 'Degraded', health_silent: 'Silent', health_flash: 'Flashing',
  runs_sent: 'follows the centre', runs_base: 'on its base plan', unfit: 'Not fit for automatic control; it is left to its base plan until all has been well for a minute.', not_yet: 'Nothing has been observed yet.',
  by_hand: 'By hand:', fixed: 'Fixed plan:',

  loading: 'Loading', none_open: 'No signal is open', none_open_hint: 'Choose one on the map or in the list.',
  tab_now: 'Now', tab_diagrams: 'Diagrams', tab_forecast: 'Forecast', tab_plans: 'Plans', tab_control: 'Control',
  tab_alarms: 'Alarms', tab_comparison: 'Before and after', tab_proposals: 'Proposals', tab_audit: 'Audit trail', tab_demo: 'Break something',
  green_at_least: 'Phase {phase}: green for at least another', green_held: 'Phase {phase}: held by hand for at most another', green_left: 'Phase {phase}: green for another', green_in: 'Phase {phase}: green in', green_for: 'green for {age} s so far', intergreen: 'intergreen', phase: 'Phase', phase_running: 'green', phase_coming: 'next', nobody: 'nobody',
  plan_running: 'Plan in force', plan_wished: 'Plan worked out, not sent', repeats: 'cycle {cycle}, offset {offset}', sequence: 'sequence, then the base plan', valid_until: 'valid until {time}', no_plan: 'none',
  why: 'Why this plan', no_reason: 'Nothing was said about this plan.', movements: 'Movements', movement: 'Movement', light: 'Light', flow: 'Flow',
  agreement: 'The plan that was worked out wanted the phase that ran in {share} % of the looks.', then_renewed: 'renewed before, else base plan',
  turn_left: 'left', turn_through: 'through', turn_right: 'right', turn_u_turn: 'U-turn', turn_crossing: 'crossing', arm: 'Arm', all_arms: 'all arms',

  as_table: 'As a table', time_space: 'Time-space diagram', time_space_label: 'Greens of {n} signals along the street, {from} to {to}.', way_forward: 'green there', way_back: 'green back', planned: 'planned', drive_line: 'platoon at free speed', distance_m: 'Distance [m]', greens_shown: 'Last greens',
  no_arterial: 'This signal is on no arterial of two signals or more.', coordination: 'Coordination diagram, phase {phase}', coordination_label: '{n} vehicles passed, {share} of them on green.', in_cycle_s: 'time in cycle [s]', green_time: 'green', green_start: 'green begins', passed_green: 'passed on green ({share})', passed_red: 'passed otherwise',
  cycle_s: 'Cycle [s]', red_s: 'Red [s]', green_s: 'green [s]', no_cycles: 'Fewer than two cycles have been seen.', splits: 'Split monitor', actual: 'Actual [s]', programmed: 'Programmed [s]', end_gap_out: 'gap-out', end_max_out: 'max-out', end_force_off: 'force-off (by the plan)', end_hand: 'by hand', end_skipped: 'skipped', end_ended: 'ended, queue not known', left_veh: 'Left standing [veh]', split_words: 'Phase {phase}: {actual} s against {programmed} s programmed.', no_splits: 'No green has ended yet.',
  forecast_truth: 'Forecast against truth', forecast_label: 'Expected from {time}: {flow} veh/h, between {low} and {high}.', counted: 'Counted [veh/h]', counted_minute: 'counted, by minute', counted_bin: 'counted, {min} min', interval_80: '80 % interval', no_forecast: 'No forecast yet.', rung: 'The forecast comes from: {rung}.',

  rung_residual: 'its own days and weeks with fresh counts', rung_young: 'the pattern of similar detectors', rung_neighbours: 'its own days and weeks with its neighbours', rung_profile: 'its own days and weeks', rung_pooled: 'the pattern of the whole site', rung_last: 'the mean of the last counts', rung_none: 'nothing, for some movements', no_plans: 'The archive holds no plan of this signal.', plan_number: 'Plan {n}', in_force: 'in force', roll_back: 'Roll back', roll_back_text: 'Put signal {id} back on plan {n}. It stays until lifted.', propose: 'Propose a plan', propose_this: 'Propose this plan', advised: 'as worked out', at_least: '{s} s at least', propose_hint: 'Greens in seconds; 0 leaves a phase out. It waits for approval, and safety checks it.', propose_do: 'Propose', offset_s: 'Offset [s]',
  lock_mine: 'you edit it', override: 'Hold a phase by hand', override_do: 'Hold this phase', override_hint: 'Safety stays in force: minimum greens, intergreens and longest reds are kept.', for: 'For', reason: 'Reason', reason_needed: 'Reason (needed)', held: 'Phase {phase} is held by {owner} until {time}.', fixed_plan: 'Fixed plan {plan} by {owner}.', because: 'Reason: {reason}', lift: 'Lift',
  approve: 'Approve', reject: 'Turn down', no_proposals: 'No plan waits for approval.', no_alarms: 'No alarm stands.', new_alarm: 'New alarm', level_critical: 'Critical', level_warning: 'Warning', level_info: 'Notice', since: 'since {time}', the_service: 'service',
  audit_number: 'No.', audit_time: 'Time', audit_who: 'Who', audit_what: 'What', audit_outcome: 'Outcome', what_begin: 'begin', what_set_mode: 'mode', what_override: 'hold by hand', what_lift: 'lift', what_expire: 'expired', what_propose: 'propose', what_approve: 'approve', what_reject: 'turn down', what_roll_back: 'roll back', what_set_controller: 'controller', what_fault: 'fault', what_restore: 'restore', what_denied: 'denied', receipt: 'Order {number}', needs_role: 'Needs the role {role}', role_viewer: 'viewer', role_engineer: 'engineer', role_operator: 'operator', role_admin: 'admin',
  switch_controller: 'Switch controller', switch_controller_text: 'All signals are planned by {name} from now on: {what}.',

  sign_in: 'Sign in', sign_in_text: 'A key opens this page. Whoever runs the service makes one with: citybrain keys add', sign_out: 'Sign out', sign_out_text: 'End the session of {who} on this device.', key: 'Key', link_spent: 'This link has been used before and opens nothing any more. Each start of the service prints a new one.', key_wrong: 'This key opens nothing: it is unknown, expired or revoked.',
  demo_hint: 'This street is simulated. Break something and watch: lights stay free of conflicts, and what is broken shows in the list and the alarms.',
  fault_needs_signal: 'Open a signal first: this breaks its controller.',
  fault_dead: '30 % of the detectors dead', fault_dead_means: 'They fall silent.', fault_dead_all: 'All detectors dead', fault_dead_all_means: 'Nothing is sensed any more; signals go back to their base plans.', fault_stuck: '30 % of the detectors stuck', fault_stuck_means: 'They repeat what they said.',
  fault_mute: 'Controller: silent', fault_mute_means: 'The open signal does not answer.', fault_refuse: 'Controller: refuses', fault_refuse_means: 'The open signal refuses every plan.', fault_late: 'Controller: late', fault_late_means: 'The open signal answers late.', fault_lie: 'Controller: lies', fault_lie_means: 'The open signal reads back another plan.',
  fault_flash: 'Controller: flash', fault_flash_means: 'The open signal latches flash.', fault_reset: 'Reset the cabinet', fault_reset_means: 'A person resets the open signal.', fault_restart: 'Restart the cabinet', fault_restart_means: 'The open signal starts anew, as after a power cut.', fault_end: 'End SUMO', fault_end_means: 'The street is gone until it is started anew.', fault_service: 'Kill this service', fault_service_means: 'It dies at once (kill -9), and is started again; the street goes on.', fault_heal: 'Mend everything', fault_heal_means: 'Detectors and controllers work again.',
};
