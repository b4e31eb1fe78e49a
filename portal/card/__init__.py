"""An enterprise's sheet 企业画像卡."""
