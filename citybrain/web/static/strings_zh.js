// The page's words in Chinese.

export const zh = {
  brand: '城市大脑', arm_N: '北', arm_NE: '东北', arm_E: '东', arm_SE: '东南', arm_S: '南', arm_SW: '西南', arm_W: '西', arm_NW: '西北',
  skip_to_list: '跳到信号列表', skip_to_signal: '跳到打开的信号',
  field_time: '现场时间', simulated: '仿真', measured: '实测',
  simulated_means: '路网为仿真,所有数据均非实测。', measured_means: '数据来自路上的检测器。',
  controller: '控制器', theme: '浅色、深色或跟随系统', figures: '全市指标', signals: '信号', signal: '信号', map: '地图', events: '事件', views: '视图',
  close: '关闭', cancel: '取消', unit: '单位', now: '现在', from: '开始', veh: '辆', veh_h: '辆/时', s_veh: '秒/车',

  link_connecting: '连接中', link_live: '实时', link_stale: '{s} 秒无新数据', link_lost: '连接中断,{retry} 秒后重试',
  banner_stale: '画面已过时 {s} 秒(现场时间 {time}),请勿据此操作。', banner_lost: '无法连接服务。画面停在 {time};信号按租约与基础方案继续运行。正在重试。',
  trying_again: '正在重试。',

  kpi_congestion: '拥堵指数', kpi_congestion_15: '15 分钟后', kpi_queue: '排队', kpi_throughput: '通过量', kpi_delay: '停车延误', kpi_difference: '延误变化',
  rising: '上升', falling: '下降', steady: '平稳', forecast_word: '预测', interval: '95 % 区间 {low} 至 {high}', no_comparison: '尚无对比', collecting: '前 {before}/10 分,后 {after}/10', gathering: '满一分钟后显示',
  before: '变更前', after: '变更后',

  layer: '地图内容', layer_queue: '排队', layer_congestion: '当前拥堵', layer_congestion_15: '15 分钟后', legend_queue: '排队(辆)', legend_congestion: '拥堵指数', legend_congestion_15: '15 分钟后指数(预测)',
  zoom_in: '放大', zoom_out: '缩小', fit: '全市', map_label: '{n} 个信号的地图。方向键移动,加减号缩放,0 显示全部,回车打开中间的信号。',
  nothing_here: '中间附近没有信号', tip: '{id} · 相位 {phase} · 排队 {queue} 辆 · 指数 {now},15 分钟后 {later} · {mode} · {health}',
  lamp_protected: '绿灯', lamp_permissive: '绿灯(让行)', lamp_amber: '黄灯', lamp_red: '红灯', lamp_on_red: '红灯右转', lamp_unknown: '未知',

  filter: '查找信号', only: '哪些信号', only_all: '全部', only_attention: '需关注', count: '{n} / {all} 个信号', opened: '已打开信号 {id}',
  sorting: '列表排序', ascending: '升序', descending: '降序',
  column_id: '信号', column_mode: '模式', column_health: '状态', column_queue: '排队', column_congestion: '指数',
  column_id_title: '按名称排序', column_mode_title: '按模式排序', column_health_title: '按状态排序', column_queue_title: '按排队(辆)排序', column_congestion_title: '按拥堵指数排序',
  mode: '模式', mode_observe: '观察', mode_shadow: '影子', mode_advise: '建议', mode_automatic: '自动',
  mode_short_observe: '观察', mode_short_shadow: '影子', mode_short_advise: '建议', mode_short_automatic: '自动',
  mode_do: '设为该模式', mode_all: '设置所列信号模式', mode_all_text: '{n} 个信号转为{mode}模式。', mode_observe_means: '不计算方案,信号机自行运行。', mode_shadow_means: '计算并评估方案,但不下发。', mode_advise_means: '方案等待工程师批准。', mode_automatic_means: '经安全检查的方案下发到信号机。',
  health_ok: '正常', health_degraded: '降级', health_silent: '无应答', health_flash: '黄闪',
  runs_sent: '运行下发方案', runs_base: '运行基础方案', unfit: '不宜自动控制;正常满一分钟前按基础方案运行。', not_yet: '尚无观测。',
  by_hand: '人工:', fixed: '固定方案:',

  loading: '加载中', none_open: '未打开信号', none_open_hint: '请在地图或列表中选择。',
  tab_now: '当前', tab_diagrams: '图表', tab_forecast: '预测', tab_plans: '方案', tab_control: '控制',
  tab_alarms: '告警', tab_comparison: '前后对比', tab_proposals: '待批方案', tab_audit: '审计记录', tab_demo: '故障演练',
  green_at_least: '相位 {phase}:绿灯至少还有', green_held: '相位 {phase}:人工保持,最多还有', green_left: '相位 {phase}:绿灯还剩', green_in: '相位 {phase}:变绿还需', green_for: '已绿 {age} 秒', intergreen: '绿灯间隔', phase: '相位', phase_running: '绿灯', phase_coming: '将至', nobody: '无',
  plan_running: '执行中的方案', plan_wished: '已计算、未下发的方案', repeats: '周期 {cycle},相位差 {offset}', sequence: '阶段序列,之后回到基础方案', valid_until: '有效至 {time}', no_plan: '无',
  why: '为何选此方案', no_reason: '该方案没有说明。', movements: '流向', movement: '流向', light: '灯色', flow: '流量',
  agreement: '计算的方案有 {share} % 的时刻与实际相位一致。', then_renewed: '到期前续订,否则回基础方案',
  turn_left: '左转', turn_through: '直行', turn_right: '右转', turn_u_turn: '掉头', turn_crossing: '行人过街', arm: '进口', all_arms: '所有进口',

  as_table: '以表格显示', time_space: '时距图', time_space_label: '沿线 {n} 个信号的绿灯,{from} 至 {to}。', way_forward: '去向绿灯', way_back: '来向绿灯', planned: '计划', drive_line: '自由流车队', distance_m: '距离(米)', greens_shown: '最近绿灯',
  no_arterial: '该信号不在两个以上信号的干线上。', coordination: '协调图,相位 {phase}', coordination_label: '{n} 辆车通过,{share} 在绿灯时。', in_cycle_s: '周期内时刻(秒)', green_time: '绿灯', green_start: '绿灯开始', passed_green: '绿灯通过({share})', passed_red: '其他时刻通过',
  cycle_s: '周期(秒)', red_s: '红灯(秒)', green_s: '绿灯(秒)', no_cycles: '尚未见到两个周期。', splits: '绿信比监视', actual: '实际(秒)', programmed: '设定(秒)', end_gap_out: '空当结束', end_max_out: '最大绿结束', end_force_off: '方案强制结束', end_hand: '人工', end_skipped: '跳过', end_ended: '结束(排队未知)', left_veh: '结束时排队(辆)', split_words: '相位 {phase}:实际 {actual} 秒,设定 {programmed} 秒。', no_splits: '尚无绿灯结束。',
  forecast_truth: '预测与实际', forecast_label: '{time} 起预计 {flow} 辆/时,{low} 至 {high}。', counted: '计数(辆/时)', counted_minute: '每分钟计数', counted_bin: '{min} 分钟计数', interval_80: '80 % 区间', no_forecast: '尚无预测。', rung: '预测来源:{rung}。',

  rung_residual: '自身的日与周规律及最新计数', rung_young: '相似检测器的规律', rung_neighbours: '自身规律及邻近检测器', rung_profile: '自身的日与周规律', rung_pooled: '全路网的规律', rung_last: '最近计数的均值', rung_none: '部分流向无数据', no_plans: '该信号没有存档方案。', plan_number: '方案 {n}', in_force: '执行中', roll_back: '回滚', roll_back_text: '将信号 {id} 恢复为方案 {n},直至解除。', propose: '提出方案', propose_this: '提出此方案', advised: '按计算结果', at_least: '至少 {s} 秒', propose_hint: '绿灯时间以秒计,0 表示不含该相位。方案需批准并经安全检查。', propose_do: '提出', offset_s: '相位差(秒)',
  lock_mine: '您正在编辑', override: '人工保持相位', override_do: '保持该相位', override_hint: '安全规则仍然有效:最短绿灯、绿灯间隔与最长红灯均受保护。', for: '时长', reason: '原因', reason_needed: '原因(必填)', held: '相位 {phase} 由 {owner} 保持至 {time}。', fixed_plan: '{owner} 的固定方案 {plan}。', because: '原因:{reason}', lift: '解除',
  approve: '批准', reject: '否决', no_proposals: '没有待批方案。', no_alarms: '没有告警。', new_alarm: '新告警', level_critical: '严重', level_warning: '警告', level_info: '提示', since: '自 {time}', the_service: '服务',
  audit_number: '编号', audit_time: '时间', audit_who: '人员', audit_what: '操作', audit_outcome: '结果', what_begin: '开始', what_set_mode: '模式', what_override: '人工保持', what_lift: '解除', what_expire: '到期', what_propose: '提出方案', what_approve: '批准', what_reject: '否决', what_roll_back: '回滚', what_set_controller: '控制器', what_fault: '故障', what_restore: '恢复', what_denied: '已拒绝请求', receipt: '命令 {number}', needs_role: '需要角色:{role}', role_viewer: '查看者', role_engineer: '工程师', role_operator: '操作员', role_admin: '管理员',
  switch_controller: '切换控制器', switch_controller_text: '从现在起所有信号由 {name} 计算方案。',

  sign_in: '登录', sign_in_text: '打开本页需要密钥,由服务管理者创建:citybrain keys add', sign_out: '退出', sign_out_text: '结束 {who} 在此设备上的会话。', key: '密钥', link_spent: '该链接已用过,不再有效。服务每次启动都会显示新的链接。', key_wrong: '密钥无效:未知、过期或已吊销。',
  demo_hint: '该路网为仿真。可制造故障并观察:灯色始终无冲突,故障显示在列表与告警中。',
  fault_needs_signal: '请先打开一个信号:此故障作用于其信号机。',
  fault_dead: '30 % 检测器失效', fault_dead_means: '不再上报。', fault_dead_all: '全部检测器失效', fault_dead_all_means: '不再有任何检测;信号回到基础方案。', fault_stuck: '30 % 检测器卡死', fault_stuck_means: '重复旧值。',
  fault_mute: '信号机:沉默', fault_mute_means: '打开的信号不再应答。', fault_refuse: '信号机:拒绝', fault_refuse_means: '打开的信号拒绝所有方案。', fault_late: '信号机:迟答', fault_late_means: '打开的信号应答迟缓。', fault_lie: '信号机:谎报', fault_lie_means: '打开的信号回读其他方案。',
  fault_flash: '信号机:黄闪', fault_flash_means: '打开的信号锁定黄闪。', fault_reset: '复位信号机', fault_reset_means: '人工复位打开的信号。', fault_restart: '重启信号机', fault_restart_means: '打开的信号像断电后一样重新启动。', fault_end: '结束 SUMO', fault_end_means: '路网消失,直至重新启动。', fault_service: '终止本服务', fault_service_means: '服务立即被终止(kill -9)并重新启动;路网继续运行。', fault_heal: '全部修复', fault_heal_means: '检测器与信号机恢复正常。',
};
