//! The AI chain: layer.segment, a closed list, version 1.

use crate::text_enum;

text_enum! {
    /// A segment of the AI industry chain.
    pub enum Segment {
        Chips = "base.chips",
        Compute = "base.compute",
        Data = "base.data",
        Sensors = "base.sensors",
        Frameworks = "framework.frameworks",
        Toolchains = "framework.toolchains",
        Algorithms = "framework.algorithms",
        Foundation = "model.foundation",
        DomainModels = "model.domain",
        Agents = "model.agents",
        Manufacturing = "application.manufacturing",
        Healthcare = "application.healthcare",
        Mobility = "application.mobility",
        Finance = "application.finance",
        Education = "application.education",
        Energy = "application.energy",
        Government = "application.government",
        Agriculture = "application.agriculture",
        Security = "application.security",
        Science = "application.science",
        Safety = "governance.safety",
        Evaluation = "governance.evaluation",
        Standards = "governance.standards",
    }
}

impl Segment {
    pub fn layer(self) -> &'static str {
        self.as_str().split('.').next().unwrap_or_default()
    }

    pub const fn label_zh(self) -> &'static str {
        match self {
            Self::Chips => "芯片",
            Self::Compute => "算力",
            Self::Data => "数据",
            Self::Sensors => "传感器",
            Self::Frameworks => "框架",
            Self::Toolchains => "工具链",
            Self::Algorithms => "算法",
            Self::Foundation => "基础模型",
            Self::DomainModels => "行业模型",
            Self::Agents => "智能体",
            Self::Manufacturing => "制造应用",
            Self::Healthcare => "医疗健康应用",
            Self::Mobility => "出行应用",
            Self::Finance => "金融应用",
            Self::Education => "教育应用",
            Self::Energy => "能源应用",
            Self::Government => "政务应用",
            Self::Agriculture => "农业应用",
            Self::Security => "安防应用",
            Self::Science => "科研应用",
            Self::Safety => "安全治理",
            Self::Evaluation => "评测",
            Self::Standards => "标准",
        }
    }

    pub const fn label_en(self) -> &'static str {
        match self {
            Self::Chips => "chips",
            Self::Compute => "compute",
            Self::Data => "data",
            Self::Sensors => "sensors",
            Self::Frameworks => "frameworks",
            Self::Toolchains => "toolchains",
            Self::Algorithms => "algorithms",
            Self::Foundation => "foundation models",
            Self::DomainModels => "domain models",
            Self::Agents => "agents",
            Self::Manufacturing => "manufacturing applications",
            Self::Healthcare => "healthcare applications",
            Self::Mobility => "mobility applications",
            Self::Finance => "finance applications",
            Self::Education => "education applications",
            Self::Energy => "energy applications",
            Self::Government => "government applications",
            Self::Agriculture => "agriculture applications",
            Self::Security => "security applications",
            Self::Science => "science applications",
            Self::Safety => "safety",
            Self::Evaluation => "evaluation",
            Self::Standards => "standards",
        }
    }
}
