"""``report.html``: what a backtest has found, for people."""
