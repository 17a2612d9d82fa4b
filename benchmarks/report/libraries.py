"""Which chart library the report should carry: those that PyPI packages hold, measured in a browser.

    pip install -e '.[bench]' && python -m benchmarks.report.libraries [SCREENSHOT_FOLDER]

Each library draws the same data in a page of its own, from a file: 60 charts of 1,000 points, then one
chart of 8 series of 100,000 points and a zoom into a tenth of it. Times run from the first call of the
library until the frame after the last chart is painted; loading (parsing the script) is told apart.
Best of three fresh pages.
"""

from __future__ import annotations

import sys
import tempfile
from importlib.resources import files
from pathlib import Path
from typing import Any

from benchmarks.report.browser import browser

HEAD = """<!doctype html><meta charset=utf-8><style>.c{width:380px;height:220px;display:inline-block}
#big{width:1200px;height:400px}</style><style>%s</style><body><script>
const t0=performance.now();</script>%s<script>const loaded=performance.now()-t0;
function walk(n,s){const y=new Float64Array(n);let v=0;for(let i=0;i<n;i++){
s=(s*1664525+1013904223)%%4294967296;v+=s/4294967296-.5;y[i]=v+2*Math.sin(i/40)}return y}
function box(cls,id){const d=document.createElement('div');d.className=cls;if(id)d.id=id;
document.body.append(d);return d}
const painted=()=>new Promise(r=>requestAnimationFrame(()=>setTimeout(r)));
const X=n=>Float64Array.from({length:n},(_,i)=>i);
let small,big,zoom;
"""
TAIL = """
async function measure(){
 const many=[];for(let i=0;i<60;i++)many.push(walk(1000,i+1));
 const eight=[];for(let i=0;i<8;i++)eight.push(walk(100000,i+99));
 const out={loaded};
 let t=performance.now();for(const y of many)await small(X(1000),y);await painted();
 out.small=performance.now()-t;
 t=performance.now();await big(X(100000),eight);await painted();out.big=performance.now()-t;
 t=performance.now();await zoom(45000,55000);await painted();out.zoom=performance.now()-t;
 return out}</script>"""

LIBRARIES: dict[str, dict[str, Any]] = {
    "uPlot 1.6.31 (vendored)": {
        "js": [("postrun", "report/html/vendor/uplot/uPlot.iife.min.js")],
        "css": [("postrun", "report/html/vendor/uplot/uPlot.min.css")],
        "code": """
const C=['#0072B2','#D55E00','#009E73','#CC79A7','#56B4E9','#E69F00','#000','#777'];let B;
const opts=(w,h,k)=>({width:w,height:h,scales:{x:{time:false}},cursor:{drag:{x:true}},
 series:[{},...Array.from({length:k},(_,i)=>({stroke:C[i],label:'s'+i}))]});
small=(x,y)=>new uPlot(opts(370,190,1),[x,y],box('c'));
big=(x,ys)=>{B=new uPlot(opts(1200,370,ys.length),[x,...ys],box('','big'))};
zoom=(a,b)=>B.setScale('x',{min:a,max:b});""",
    },
    "dygraphs 2 (dygraphs)": {
        "js": [("dygraphs", "assets/dygraph-combined.js")],
        "css": [],
        "code": """
const rows=(x,ys)=>Array.from(x,(v,i)=>[v,...ys.map(y=>y[i])]);let B;
small=(x,y)=>new Dygraph(box('c'),rows(x,[y]),{labels:['x','y']});
big=(x,ys)=>{B=new Dygraph(box('','big'),rows(x,ys),{labels:['x',...ys.map((_,i)=>'s'+i)]})};
zoom=(a,b)=>B.updateOptions({dateWindow:[a,b]});""",
    },
    "lightweight-charts 4 (lightweight-charts)": {
        "js": [("lightweight_charts", "js/lightweight-charts.js")],
        "css": [],
        "code": """
const L=LightweightCharts;let B;
const make=(el,w,h)=>L.createChart(el,{width:w,height:h});
const put=(c,x,y)=>{const s=c.addLineSeries?c.addLineSeries():c.addSeries(L.LineSeries);
 s.setData(Array.from(x,(v,i)=>({time:v,value:y[i]})))};
small=(x,y)=>{const c=make(box('c'),370,210);put(c,x,y);c.timeScale().fitContent()};
big=(x,ys)=>{B=make(box('','big'),1200,400);ys.forEach(y=>put(B,x,y));B.timeScale().fitContent()};
zoom=(a,b)=>B.timeScale().setVisibleLogicalRange({from:a,to:b});""",
    },
    "Bokeh 3, WebGL (bokeh)": {
        "js": [("bokeh", "server/static/js/bokeh.min.js"),
               ("bokeh", "server/static/js/bokeh-api.min.js"),
               ("bokeh", "server/static/js/bokeh-gl.min.js")],
        "css": [],
        "code": """
const P=Bokeh.Plotting;let B;
async function fig(x,ys,w,h,el){const f=P.figure({width:w,height:h,output_backend:'webgl',
  tools:'xpan,xwheel_zoom,reset'});
 const d={x:x};ys.forEach((y,i)=>d['y'+i]=y);const s=new Bokeh.ColumnDataSource({data:d});
 ys.forEach((_,i)=>f.line({field:'x'},{field:'y'+i},{source:s}));await P.show(f,el);return f}
small=(x,y)=>fig(x,[y],370,210,box('c'));
big=async(x,ys)=>{B=await fig(x,ys,1200,400,box('','big'))};
zoom=(a,b)=>{B.x_range.setv({start:a,end:b})};""",
    },
    "Plotly 3, scattergl (plotly)": {
        "js": [("plotly", "package_data/plotly.min.js")],
        "css": [],
        "code": """
let B;const lay={margin:{l:40,r:5,t:5,b:30}};
small=(x,y)=>Plotly.newPlot(box('c'),[{x,y,type:'scatter',mode:'lines'}],{...lay,width:370,height:210});
big=(x,ys)=>{B=box('','big');return Plotly.newPlot(B,
 ys.map(y=>({x,y,type:'scattergl',mode:'lines'})),{...lay,width:1200,height:400})};
zoom=(a,b)=>Plotly.relayout(B,{'xaxis.range':[a,b]});""",
    },
}  # fmt: skip


def page(library: dict[str, Any]) -> tuple[str, int]:
    """The page of one library, and the bytes of its scripts and styles."""
    scripts = [files(p).joinpath(n).read_text(encoding="utf-8") for p, n in library["js"]]
    styles = [files(p).joinpath(n).read_text(encoding="utf-8") for p, n in library["css"]]
    size = sum(len(text.encode()) for text in scripts + styles)
    inert = (text.replace("</script", "<\\/script") for text in scripts)
    tags = "".join(f"<script>{text}</script>" for text in inert)
    return HEAD % ("".join(styles), tags) + library["code"] + TAIL, size


def main() -> None:
    """Print the table; with a folder as argument, leave screenshots there."""
    shots = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    print("| library (PyPI package) | bytes | load | 60 charts x 1,000 | 8 x 100,000 | zoom |")
    print("|---|---:|---:|---:|---:|---:|")
    with browser() as chromium, tempfile.TemporaryDirectory() as folder:
        for name, library in LIBRARIES.items():
            text, size = page(library)
            path = Path(folder) / "page.html"
            path.write_text(text, encoding="utf-8")
            found: list[dict[str, float]] = []
            for _ in range(3):
                tab = chromium.new_page(viewport={"width": 1280, "height": 900})
                tab.goto(path.as_uri())
                found.append(tab.evaluate("measure()"))
                if shots:
                    shots.mkdir(parents=True, exist_ok=True)
                    tab.screenshot(path=shots / f"{name.split()[0]}.png", full_page=True)
                tab.close()
            best = {key: min(f[key] for f in found) for key in found[0]}
            cells = " | ".join(f"{best[k]:,.0f} ms" for k in ("loaded", "small", "big", "zoom"))
            print(f"| {name} | {size / 1000:,.0f} kB | {cells} |", flush=True)


if __name__ == "__main__":
    main()
