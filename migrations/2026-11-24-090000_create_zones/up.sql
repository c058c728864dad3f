-- Zones are rows, not an enum: a twelfth zone is an insert away.
CREATE TABLE zones (
    code            TEXT PRIMARY KEY CHECK (code ~ '^[a-z][a-z0-9_]{1,31}$'),
    name_zh         TEXT NOT NULL,
    name_en         TEXT NOT NULL,
    -- The leading digits of the registration codes of companies at home here (GB/T 2260).
    gb2260_prefix   TEXT NOT NULL CHECK (gb2260_prefix ~ '^[0-9]{2,6}$'),
    -- pre: review first; post: published at once, reviewed after; trusted: verified organisations are post, others pre.
    policy          TEXT NOT NULL DEFAULT 'pre' CHECK (policy IN ('pre', 'post', 'trusted')),
    version         BIGINT NOT NULL DEFAULT 1,
    updated_at      TIMESTAMPTZ NOT NULL DEFAULT now()
);

INSERT INTO zones (code, name_zh, name_en, gb2260_prefix) VALUES
    ('zgc',      '北京中关村', 'Beijing Zhongguancun', '11'),
    ('shanghai', '上海',       'Shanghai',             '31'),
    ('nanjing',  '南京',       'Nanjing',              '3201'),
    ('suzhou',   '苏州',       'Suzhou',               '3205'),
    ('hangzhou', '杭州',       'Hangzhou',             '3301'),
    ('hefei',    '合肥',       'Hefei',                '3401'),
    ('qingdao',  '青岛',       'Qingdao',              '3702'),
    ('wuhan',    '武汉',       'Wuhan',                '4201'),
    ('shenzhen', '深圳',       'Shenzhen',             '4403'),
    ('chengdu',  '成都',       'Chengdu',              '5101'),
    ('xian',     '西安',       'Xi''an',               '6101');

-- One row that names this database, so that an index built from another one is recognised and rebuilt.
CREATE TABLE network_identity (
    singleton   BOOLEAN PRIMARY KEY DEFAULT TRUE CHECK (singleton),
    id          UUID NOT NULL DEFAULT gen_random_uuid()
);
INSERT INTO network_identity DEFAULT VALUES;
