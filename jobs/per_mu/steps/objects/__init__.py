"""Steps of the evaluation of objects beyond enterprises 评价对象延伸."""
