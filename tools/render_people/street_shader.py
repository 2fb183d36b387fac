"""GLSL that paints the boxes and blobs of a street.

It is compiled once for each MATERIAL, and without shadows for what no shadow can fall on; see
`person_shader.py` for why.
"""

from tools.render_people.light_shader import LIGHT, NOISE

# The materials, by the number that the shader knows.
MATERIALS = (
    "asphalt",
    "tiles",
    "grass",
    "concrete",
    "brick",
    "windows",
    "metal",
    "leaves",
    "cobble",
    "poster",
)

STREET = (
    NOISE
    + LIGHT
    + """
// C: colour, A: size or seed of the pattern.
in vec3 P, N, C; in float A; flat in float K; out vec4 o;
void main(){
  vec3 n=normalize(N); const int m=MATERIAL; vec3 c=C; float s=A; vec3 a=abs(n);
  vec2 u = a.z>.7 ? P.xy : (a.x>.7 ? P.yz : P.xz); vec3 q=vec3(u,s*7.);
  float grain=fbm(q*3.);
  if(m==0) c*=.75+.5*noise(q*40.)*.6+.3*grain;
  else if(m==1){ vec2 f=fract(u/s); float e=step(.04,min(f.x,f.y));
    c*=(.72+.25*hash(vec3(floor(u/s),1.))+.15*grain)*mix(.6,1.,e); }
  else if(m==2) c*=.45+.9*noise(q*22.)*.6+.5*grain;
  else if(m==3) c*=.75+.5*grain;
  else if(m==4){ float row=floor(u.y/.09);
    vec2 b=vec2(u.x/.24+.5*mod(row,2.),u.y/.09); vec2 f=fract(b);
    c*= (f.x<.07||f.y<.14)?1.25:(.7+.5*hash(vec3(floor(b),2.))); }
  else if(m==5){ vec2 w=vec2(s,s*1.3), f=fract(u/w); bool pane=f.x>.2&&f.x<.8&&f.y>.25&&f.y<.85;
    c = pane ? mix(vec3(.16,.2,.25),vec3(.55,.62,.7),hash(vec3(floor(u/w),5.))*.8*f.y)
      : c*(.8+.3*grain); }
  else if(m==6) c*=.8+.4*abs(n.z)+.2*grain;
  else if(m==7) c*=.35+1.1*noise(q*9.)*noise(P*6.)+.4*noise(P*25.);
  else if(m==8){ vec2 b=u/s; b.x+=.5*mod(floor(b.y),2.); vec2 f=fract(b)-.5;
    c*=mix(1.05,.55,smoothstep(.3,.5,max(abs(f.x),abs(f.y))))*(.7+.4*hash(vec3(floor(b),3.))); }
  else { vec2 f=floor(u*vec2(5.,4.));
    c=mix(c,vec3(hash(vec3(f,s)),hash(vec3(f,s+1.)),hash(vec3(f,s+2.))),.28); }
  o=vec4(shade(clamp(c,0.,1.), n, P, 0.),1); }
"""
)
