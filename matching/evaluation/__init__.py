"""How well the rankings agree with people: judged sets, measures, comparisons."""
