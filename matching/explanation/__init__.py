"""Why a candidate is there, what is covered and what is missing: data and sentences."""
