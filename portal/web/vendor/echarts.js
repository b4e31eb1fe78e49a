// The part of ECharts that the pages use; a chart of another kind needs its line here and `npm run build`.
import { init, registerMap, use } from "echarts/core";
import {
  BarChart, GraphChart, HeatmapChart, LineChart, MapChart, RadarChart, SankeyChart, ScatterChart, TreemapChart,
} from "echarts/charts";
import {
  AriaComponent, DatasetComponent, GeoComponent, GridComponent, LegendComponent, MarkLineComponent, MarkPointComponent,
  RadarComponent, TooltipComponent, VisualMapComponent,
} from "echarts/components";
import { LabelLayout } from "echarts/features";
import { CanvasRenderer } from "echarts/renderers";

use([
  BarChart, GraphChart, HeatmapChart, LineChart, MapChart, RadarChart, SankeyChart, ScatterChart, TreemapChart,
  AriaComponent, DatasetComponent, GeoComponent, GridComponent, LegendComponent, MarkLineComponent, MarkPointComponent,
  RadarComponent, TooltipComponent, VisualMapComponent, LabelLayout, CanvasRenderer,
]);

export { init, registerMap };
