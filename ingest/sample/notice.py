"""How a sample world says that it is generated."""

from __future__ import annotations

from typing import Any

from ingest.sample.sizes import Sizes

EN = (
    "Generated sample world: every person, firm, fund, institution, number and text in it is invented; "
    "any likeness to somebody or something real is chance."
)
"""To be printed with whatever comes from a sample world."""

ZH = "程序生成的示例数据。其中人物、企业、基金、机构、号码与文字均属虚构。如有雷同纯属巧合。"
"""The same in Chinese."""


def readme(sizes: Sizes, seed: int) -> str:
    """README.md of the folder."""
    counts = "\n".join(f"| {kind} | {number:,} |" for kind, number in sizes._asdict().items())
    return f"""# Sample world (generated) · 程序生成的示例数据

{EN}

{ZH}

Ids begin with `sample-`, mail addresses end in `example.com`, `.org` or `.net`, mobile numbers lie in the range 154,
organisation codes begin with `QX`, ORCID iDs with `0000-0007`, DOIs with the test prefix `10.5555`: none of these
belongs to anybody.

Made with seed {seed}. The same seed and size always give the same bytes.

| kind | entities |
|---|---|
{counts}

This folder is an evaluation set of need-expert (`set.json`, `judgements/dev.tsv`); `sets/enterprise-fund` is one of
enterprise-fund. What they judge was left out of the relations.
"""


def need_expert_set(seed: int) -> dict[str, Any]:
    """set.json of the world itself."""
    return {
        "name": "sample-world",
        "generated": True,
        "match": "need-expert",
        "judged": "complete",
        "grades": [0, 1, 2, 3],
        "relevant_from": 2,
        "fold": "subject",
        "metrics": ["ndcg@10", "spearman", "roc_auc", "precision@10", "average_precision"],
        "source": f"generated sample world, seed {seed}",
        "licence": "Apache-2.0",
        "note": f"{EN} A grade is the hidden truth (topic, terms, place and traits that no field carries), judged "
        "with some noise; collaborations of a judged pair are left out.",
    }


def enterprise_fund_set(seed: int) -> dict[str, Any]:
    """set.json of the second evaluation set."""
    return {
        "name": "sample-world-enterprise-fund",
        "generated": True,
        "match": "enterprise-fund",
        "judged": "positives",
        "grades": [1],
        "relevant_from": 1,
        "known": ["invested"],
        "fold": "subject",
        "metrics": ["recall@10", "recall@50", "mrr"],
        "source": f"generated sample world, seed {seed}",
        "licence": "Apache-2.0",
        "note": f"{EN} `dev`: one investor of an enterprise hidden; `cold`: every investor hidden.",
    }
