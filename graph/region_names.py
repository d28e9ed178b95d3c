"""Names of regions that python-stdnum and pycountry lack: English ones of China, other spellings, newest divisions."""

from __future__ import annotations

ADDED = {
    "330113": "临平区",
    "330114": "钱塘区",
    "810000": "香港特别行政区",
    "820000": "澳门特别行政区",
}
"""Divisions since 2021, and simplified characters."""

ENGLISH = {
    "110000": "Beijing", "120000": "Tianjin", "130000": "Hebei", "140000": "Shanxi", "150000": "Inner Mongolia",
    "210000": "Liaoning", "220000": "Jilin", "230000": "Heilongjiang", "310000": "Shanghai", "320000": "Jiangsu",
    "330000": "Zhejiang", "340000": "Anhui", "350000": "Fujian", "360000": "Jiangxi", "370000": "Shandong",
    "410000": "Henan", "420000": "Hubei", "430000": "Hunan", "440000": "Guangdong", "450000": "Guangxi",
    "460000": "Hainan", "500000": "Chongqing", "510000": "Sichuan", "520000": "Guizhou", "530000": "Yunnan",
    "540000": "Tibet", "610000": "Shaanxi", "620000": "Gansu", "630000": "Qinghai", "640000": "Ningxia",
    "650000": "Xinjiang", "710000": "Taiwan Province", "810000": "Hong Kong SAR", "820000": "Macao SAR",
    "330100": "Hangzhou", "330200": "Ningbo", "330300": "Wenzhou", "330400": "Jiaxing", "330500": "Huzhou",
    "330600": "Shaoxing", "330700": "Jinhua", "330800": "Quzhou", "330900": "Zhoushan", "331000": "Taizhou, Zhejiang",
    "331100": "Lishui", "130100": "Shijiazhuang", "140100": "Taiyuan", "150100": "Hohhot", "210100": "Shenyang",
    "210200": "Dalian", "220100": "Changchun", "230100": "Harbin", "320100": "Nanjing", "320200": "Wuxi",
    "320500": "Suzhou, Jiangsu", "340100": "Hefei", "350100": "Fuzhou, Fujian", "350200": "Xiamen",
    "360100": "Nanchang", "370100": "Jinan", "370200": "Qingdao", "410100": "Zhengzhou", "420100": "Wuhan",
    "430100": "Changsha", "440100": "Guangzhou", "440300": "Shenzhen", "450100": "Nanning", "460100": "Haikou",
    "510100": "Chengdu", "520100": "Guiyang", "530100": "Kunming", "540100": "Lhasa", "610100": "Xi'an",
    "620100": "Lanzhou", "630100": "Xining", "640100": "Yinchuan", "650100": "Urumqi",
}  # fmt: skip
"""English names of provinces, of Zhejiang's cities and of the provinces' capitals and larger cities."""

SPELLINGS = {
    "rom": "RO", "pst": "PS",
    "uk": "GB", "great britain": "GB", "britain": "GB", "england": "GB", "scotland": "GB", "wales": "GB",
    "northern ireland": "GB", "英格兰": "GB", "苏格兰": "GB", "威尔士": "GB", "russia": "RU", "turkey": "TR",
    "macau": "MO", "hongkong": "HK", "uae": "AE", "america": "US", "holland": "NL", "burma": "MM", "brunei": "BN",
    "ivory coast": "CI", "cape verde": "CV", "swaziland": "SZ", "palestine": "PS", "macedonia": "MK",
    "vatican": "VA", "east timor": "TL", "micronesia": "FM", "dr congo": "CD", "沙特": "SA", "印尼": "ID",
    "pr china": "CN", "p r china": "CN", "mainland china": "CN", "中国大陆": "CN", "全国": "CN",
    "台湾地区": "TW", "中国台湾": "TW", "中国香港": "HK", "中国澳门": "MO", "香港特区": "HK", "澳门特区": "MO",
}  # fmt: skip
"""Names that people write, lower-case without points → country."""

PEOPLES = (
    "蒙古|回|藏|维吾尔|苗|彝|壮|布依|朝鲜|满|侗|瑶|白|土家|哈尼|哈萨克|傣|黎|傈僳|佤|畲|拉祜|水|"
    "东乡|纳西|景颇|柯尔克孜|土|达斡尔|仫佬|羌|布朗|撒拉|毛南|仡佬|锡伯|阿昌|普米|塔吉克|怒|鄂温克|保安|裕固|独龙|鄂伦春|门巴|珞巴"
)
"""Peoples whose names are part of those of autonomous divisions, as alternatives of a pattern."""
