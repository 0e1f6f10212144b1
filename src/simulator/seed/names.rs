//! Names of people, teams and products for made-up accounts.

pub(super) const FIRST_NAMES: &[&str] = &[
    "Alice", "Bruno", "Chen", "Daria", "Emil", "Farah", "Grace", "Hugo", "Ines", "Jonas", "Kofi", "Lena", "Mateo",
    "Nadia", "Omar", "Paula", "Quentin", "Rosa", "Samir", "Tessa", "Umar", "Vera", "Wei", "Ximena", "Yara", "Zoe",
    "Anders", "Beata", "Carlos", "Dilan", "Elif", "Femi", "Gita", "Hana", "Ivo", "Jia", "Kenji", "Laila", "Milan",
    "Noor",
];

pub(super) const LAST_NAMES: &[&str] = &[
    "Abara", "Bauer", "Costa", "Dubois", "Eriksen", "Fischer", "Garcia", "Haddad", "Ito", "Jansen", "Kowalski", "Li",
    "Martin", "Novak", "Okafor", "Petrov", "Quist", "Rossi", "Silva", "Tanaka", "Ueda", "Vogel", "Wang", "Xu",
    "Yilmaz", "Zhang",
];

pub(super) const UNICODE_NAMES: &[&str] = &[
    "张伟",
    "王芳",
    "Zoë Müller",
    "José Núñez",
    "Øystein Åberg",
    "Łukasz Żak",
    "田中さくら",
    "Анна Иванова",
    "O'Neil \"Sam\"",
];

pub(super) const DEPARTMENTS: &[&str] = &[
    "administrators",
    "developers",
    "operations",
    "security",
    "finance",
    "data",
    "support",
    "auditors",
    "network",
    "sales",
];

pub(super) const PRODUCTS: &[&str] = &[
    "RAM",
    "OSS",
    "ECS",
    "RDS",
    "VPC",
    "SLB",
    "ACK",
    "SLS",
    "KMS",
    "CDN",
    "MNS",
    "NAS",
    "OTS",
    "FC",
    "DTS",
    "MaxCompute",
    "ActionTrail",
    "CloudMonitor",
    "ResourceManager",
    "STS",
];
