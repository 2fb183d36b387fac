"""GLSL that both shaders share: the vertex stage, noise, sun, sky and shadow."""

VERTEX = """#version 330
uniform mat4 view;
in vec3 in_p; in vec3 in_n; in vec3 in_c; in float in_a; in float in_k;
out vec3 P, N, C; out float A; flat out float K;
void main(){ P=in_p; N=in_n; C=in_c; A=in_a; K=in_k; gl_Position=view*vec4(in_p,1); }
"""

NOISE = """
float hash(vec3 p){ p = fract(p*vec3(.1031,.1030,.0973)); p += dot(p, p.yxz+33.33);
  return fract((p.x+p.y)*p.z); }
float noise(vec3 p){ vec3 i=floor(p), f=fract(p); f=f*f*(3.-2.*f);
  return mix(
    mix(mix(hash(i), hash(i+vec3(1,0,0)), f.x),
        mix(hash(i+vec3(0,1,0)), hash(i+vec3(1,1,0)), f.x), f.y),
    mix(mix(hash(i+vec3(0,0,1)), hash(i+vec3(1,0,1)), f.x),
        mix(hash(i+vec3(0,1,1)), hash(i+vec3(1,1,1)), f.x), f.y), f.z); }
float fbm(vec3 p){ return .5*noise(p)+.25*noise(p*2.1)+.125*noise(p*4.3)+.125*noise(p*8.7); }
"""

LIGHT = """
uniform vec3 sun, sun_color, sky, eye; uniform float haze;
uniform mat4 shadow_matrix; uniform sampler2DShadow shadow;
float lit(vec3 p){ vec4 s = shadow_matrix*vec4(p,1); vec3 q = s.xyz/s.w*.5+.5;
  if(!SHADOWED) return 1.;
  if (any(lessThan(q, vec3(0))) || any(greaterThan(q, vec3(1)))) return 1.;
  float sum=0.;
  for(int i=-1;i<2;i++) for(int j=-1;j<2;j++)
    sum+=texture(shadow, vec3(q.xy+vec2(i,j)*.002, q.z-.004));
  return sum/9.; }
vec3 shade(vec3 c, vec3 n, vec3 p, float wrap){
  float d = max((dot(n,sun)+wrap)/(1.+wrap), 0.); float up = .5+.5*n.z;
  vec3 l = sky*(.55+.75*up) + sun_color*d*mix(.12, 1., lit(p));
  vec3 o = pow(c, vec3(2.2))*l;
  return mix(o, sky*1.3, clamp(haze*(length(p-eye)-4.)*.14, 0., .85)); }
"""
