"""Per-mu evaluation 亩均效益综合评价: who is evaluated, with which figures, and with what grade."""
