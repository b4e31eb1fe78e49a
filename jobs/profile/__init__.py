"""Enterprise profile, tags and comprehensive evaluation 企业画像、标签与综合评价."""
