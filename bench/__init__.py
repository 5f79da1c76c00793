"""The benchmarks: each measures one promise of ours beside a baseline, and says whether it is kept."""
