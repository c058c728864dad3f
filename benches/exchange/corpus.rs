//! Bilingual listings of any number, made from a seed: words are drawn by Zipf's law from a vocabulary of each language, so that a few are in
//! most texts and most are in a few, as in real ones. The words themselves are made up of real characters and syllables; they mean nothing.

use std::io::Write;
use std::path::Path;

use anyhow::Result;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, RngExt, SeedableRng};
use rand_distr::{Distribution, Zipf};
use serde_json::{Value, json};

/// Different words of each language. A real collection of a hundred thousand texts has about as many that are more than typing errors.
const VOCABULARY: usize = 60_000;
/// The exponent of the law; natural texts have 1.0 to 1.1.
const EXPONENT: f64 = 1.07;
/// Characters that technical Chinese is made of.
const CHARACTERS: &str = "数据模型算法芯片智能控制系统机器学习网络传感光电材料工艺制造设计测试检验分析优化训练推理计算存储通信安全图像语音视觉识别感知导航定位电池储能医疗诊断影像农业环境监测平台软件硬件接口协议标准评估服务运营维修备件温度压力流量振动激光雷达毫米波射频天线功率模块封装晶圆薄膜涂层合金纳米复合高分子催化反应分离过滤蒸馏焊接切割成形铸锻热处理表面微细精密仪器仪表量子加密认证审计治理风险金融交易支付教育课程资源调度物流仓储港口航空航天卫星遥感测绘地图";
const SYLLABLES: [&str; 40] = [
    "ac", "al", "an", "ar", "ba", "bi", "ca", "cor", "da", "den", "di", "el", "en", "fer", "gra", "hy", "in", "ker", "la", "li", "ma", "mi", "mo", "na", "ne", "no", "or", "pa",
    "per", "pho", "ra", "re", "ri", "sen", "si", "so", "ta", "ter", "tor", "ver",
];
/// What some listings really speak of, so that a search by hand finds something in the middle of the rest.
const TOPICS: [(&str, &str); 8] = [
    ("激光雷达", "lidar"),
    ("大模型", "language model"),
    ("边缘推理", "edge inference"),
    ("传感器封装", "sensor packaging"),
    ("碳化硅", "silicon carbide"),
    ("医学影像", "medical imaging"),
    ("联邦学习", "federated learning"),
    ("机器人抓取", "robot grasping"),
];
const SEGMENTS: [&str; 12] = [
    "base.chips",
    "base.compute",
    "base.data",
    "base.sensors",
    "framework.toolchains",
    "framework.algorithms",
    "model.foundation",
    "model.domain",
    "application.manufacturing",
    "application.healthcare",
    "application.mobility",
    "governance.evaluation",
];
const INDUSTRIES: [&str; 8] = ["C3973", "C3983", "C3912", "I6513", "I6531", "M7320", "C3562", "C4028"];
const SKILLS: [&str; 8] = ["CUDA", "Rust", "Verilog", "PyTorch", "ROS", "SLAM", "compilers", "optics"];

/// Raised when the listings come out otherwise, so that those kept from before are made anew.
pub const GENERATOR: u32 = 3;
/// Organisations, each in a zone of its own; listings go to them by turns.
pub const ORGANIZATIONS: usize = 11;
/// The first organisation's listings below this number are short, some hundred tokens in both languages: they are paused, resumed and embedded anew.
const SHORT_BELOW: usize = 2_000 * ORGANIZATIONS;
/// A word that all short listings have and no other.
pub const MARK: &str = "zzkestrel";

/// The number of a listing by the id that an import keeps.
pub fn number_of(external_id: &str) -> Option<u64> {
    external_id.strip_prefix("bench-")?.parse().ok()
}

fn is_short(number: usize) -> bool {
    number < SHORT_BELOW && number.is_multiple_of(ORGANIZATIONS)
}

/// A vocabulary with the law by which its words are drawn.
pub struct Language {
    words: Vec<String>,
    law: Zipf<f64>,
}

impl Language {
    fn of(mut word: impl FnMut() -> String) -> Self {
        let mut seen = std::collections::HashSet::new();
        let mut words = Vec::with_capacity(VOCABULARY);
        while words.len() < VOCABULARY {
            let word = word();
            if seen.insert(word.clone()) {
                words.push(word);
            }
        }
        Self { words, law: Zipf::new(VOCABULARY as f64, EXPONENT).expect("the constants make a law") }
    }

    /// A word of the rank, from 1.
    pub fn word(&self, rank: usize) -> &str {
        &self.words[rank - 1]
    }

    fn text(&self, random: &mut impl Rng, words: std::ops::Range<usize>, between: &str) -> String {
        let count = random.random_range(words);
        (0..count).map(|_| self.word(self.law.sample(random) as usize)).collect::<Vec<_>>().join(between)
    }
}

pub struct Corpus {
    pub zh: Language,
    pub en: Language,
    random: StdRng,
}

impl Corpus {
    pub fn new(seed: u64) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let characters: Vec<char> = CHARACTERS.chars().collect();
        let zh = Language::of(|| {
            let length = if random.random_bool(0.75) { 2 } else { 3 };
            (0..length).filter_map(|_| characters.choose(&mut random)).collect()
        });
        let en = Language::of(|| {
            let length = random.random_range(2..5);
            (0..length).filter_map(|_| SYLLABLES.choose(&mut random)).copied().collect()
        });
        Self { zh, en, random }
    }

    /// A listing as an import takes it: every kind and direction, two thirds bilingual.
    pub fn listing(&mut self, number: usize) -> Value {
        let random = &mut self.random;
        let languages = random.random_range(0..6);
        let topic = random.random_bool(0.1).then(|| TOPICS.choose(random)).flatten();
        let mut text = |zh_words: std::ops::Range<usize>, en_words: std::ops::Range<usize>, topic: Option<&(&str, &str)>| {
            let mut both = serde_json::Map::new();
            if languages != 0 {
                both.insert("zh".into(), json!(format!("{}{}", topic.map_or("", |topic| topic.0), self.zh.text(random, zh_words, ""))));
            }
            if languages > 1 || languages == 0 {
                both.insert("en".into(), json!(format!("{} {}", topic.map_or("", |topic| topic.1), self.en.text(random, en_words, " ")).trim()));
            }
            Value::Object(both)
        };
        let (mut title, summary, body) = if is_short(number) {
            (text(3..5, 3..5, None), text(18..24, 9..13, None), Value::Null)
        } else {
            (text(4..9, 4..9, topic), text(18..40, 15..35, None), text(40..120, 40..120, topic))
        };
        if is_short(number)
            && let Some(title) = title.as_object_mut()
        {
            // In whichever language it has.
            for text in title.values_mut() {
                *text = json!(format!("{MARK} {}", text.as_str().unwrap_or_default()));
            }
        }
        let random = &mut self.random;
        let kind = *["technology", "technology", "funding", "talent", "industry"].choose(random).expect("not empty");
        let direction = if random.random_bool(0.5) { "need" } else { "offer" };
        let pick = |random: &mut StdRng, from: &[&str], most: usize| -> Vec<String> { from.sample(random, 1 + number % most).map(|one| (*one).to_owned()).collect() };
        let mut listing = json!({
            "external_id": format!("bench-{number}"), "kind": kind, "direction": direction, "title": title, "summary": summary,
            "segments": pick(random, &SEGMENTS, 3), "industries": pick(random, &INDUSTRIES, 2), "keywords": [self.zh.word(number % 5_000 + 1), self.en.word(number % 5_000 + 1)],
            "cooperation_modes": ["licence"], "valid_days": 300, "attributes": attributes(random, kind, direction)
        });
        if body.is_object() {
            listing["body"] = body;
        }
        listing
    }
}

fn attributes(random: &mut impl Rng, kind: &str, direction: &str) -> Value {
    let amount = || json!({"min": "1000000", "max": "30000000", "currency": "CNY"});
    match (kind, direction) {
        ("technology", "need") => json!({"min_trl": random.random_range(1..8)}),
        ("technology", _) => json!({"trl": random.random_range(2..10), "ip_status": "granted"}),
        ("funding", "need") => json!({"amount": amount(), "stages": ["series_a"], "instruments": ["equity"]}),
        ("funding", _) => json!({"ticket": amount(), "stages": ["pre_a", "series_a"], "instruments": ["equity"]}),
        ("talent", _) => {
            let skills: Vec<Value> = SKILLS.sample(random, 3).map(|name| json!({"name": name, "level": "advanced"})).collect();
            json!({"skills": skills, "work_mode": "hybrid", "place": "hefei", "pay": {"min": "20000", "max": "50000", "currency": "CNY", "period": "month"}})
        }
        _ => json!({"quantity": "5000", "unit": "pieces", "budget": amount()}),
    }
}

/// Writes `count` listings into a file for each organisation.
pub fn write(corpus: &mut Corpus, folder: &Path, count: usize) -> Result<()> {
    std::fs::create_dir_all(folder)?;
    let mut writers = Vec::new();
    for number in 0..ORGANIZATIONS {
        writers.push(std::io::BufWriter::new(std::fs::File::create(folder.join(format!("listings-{number}.jsonl")))?));
    }
    for number in 0..count {
        let listing = corpus.listing(number);
        writeln!(writers[number % ORGANIZATIONS], "{listing}")?;
    }
    writers.into_iter().try_for_each(|mut writer| writer.flush())?;
    Ok(())
}
