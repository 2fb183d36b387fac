"""GLSL that paints a dressed person.

It is compiled once for each KIND of part (see `worn.py`), with or without CAMOUFLAGE: Mesa's
software OpenGL works out every branch of a shader for every pixel, so that the branches not taken
were most of the work.
"""

from tools.render_people.light_shader import LIGHT, NOISE

PERSON = (
    NOISE
    + LIGHT
    + """
// C: canonical position (see bodies.py), A: arm parameter.
in vec3 P, N, C; in float A; flat in float K; out vec4 o;
uniform vec3 skin, hair_color, top, top2, bottom, bottom2, shoe, logo_color, bag_color, hat_color;
uniform float sleeve, sleeve_other, hem, neck_v, open, period, leg_end, shoe_top;
uniform float hair_low, beard, tights, socks, bag_side, bald;
uniform int pattern, bottom_pattern, logo, back_print, has_skirt, bag, hat;
vec3 cloth(int p, vec2 u, vec3 a, vec3 b, float s){          // see racks.py
  if(p==1) return mod(u.y,s)<s*.5 ? a : b;
  if(p==2) return mod(u.x+9.,s)<s*.45 ? a : b;
  if(p==3) return mix(a,b, .5*step(mod(u.x+9.,s),s*.5)+.5*step(mod(u.y+9.,s),s*.5));
  if(p==4) return length(mod(u+9.,s)-s*.5)<s*.3 ? b : a;
  if(CAMOUFLAGE && p==5) return fbm(vec3(u*14.,3.))>.5 ? a : b*.8;
  if(p==6) return u.y>.28 ? b : a;
  if(p==7) return mix(a,b,smoothstep(-.05,.45,u.y));
  return a; }
void main(){
  vec3 n=normalize(N); if(!gl_FrontFacing) n=-n;
  float folds=1.; vec3 c; const int kind=KIND;
  float x=abs(C.x);
  vec2 u = A>=0. ? vec2(A*.3, .42-A*.5) : C.xz;              // sleeves: along and around the arm
  vec3 shirt = (A>=0. && sleeve_other>.5) ? top2 : cloth(pattern,u,top,top2,period);
  float wrinkle=.80+.40*fbm(vec3(C.x*9.,C.y*9.,C.z*14.));
  if(kind==0){                             // the body: hair, skin, shirt, trousers, shoes
    bool head = C.z>.50 && A<0.;
    bool hair = C.z > .672-.5*(C.y+.02)-hair_low*step(-.06,C.y) && C.z>.55 && bald<.5;
    bool boot = C.z<shoe_top && x<.4;
    float neckline = (C.y<0. ? .485+5.*x*x : .525+1.5*x*x) - neck_v*step(C.y,0.)*max(0.,.11-2.*x);
    if(A>=0.){ c = A<sleeve ? shirt : skin; if(A<sleeve) folds=wrinkle; if (A>=1.02) c=skin; }
    else if(hair){
      c = hair_color*(.75+.5*noise(C*vec3(70.,70.,12.)));
      if(hat>0 && hat<4 && C.z>.645) c=hat_color; }
    else if(C.z>neckline && (x<.10 || C.z>.53)){             // neck and face
      c=skin;
      if(head && C.y<-.09){
        if(C.z>.662&&C.z<.674&&x>.018&&x<.045) c*=.68;
        if(C.z>.585&&C.z<.597&&x<.025) c=mix(c,vec3(.6,.25,.22),.5); }
      if(beard>.5 && C.z<.612 && C.z>.56 && C.y<-.055) c=mix(c,hair_color,.75); }
    else if(C.z>hem){                                        // shirt with prints, or an open jacket
      c=shirt; folds=wrinkle;
      vec2 q=vec2(C.x,C.z-.30);
      if(C.y<0. && x<open && C.z<.5) c=top2;
      else if(C.y<0.){
        if(logo==1&&abs(q.x)<.075&&abs(q.y)<.045) c=logo_color;
        if(logo==2&&length(q)<.065) c=logo_color;
        if(logo==3&&abs(q.y+.08)<.035) c=logo_color; }
      else {
        if(back_print==1&&abs(q.x)<.10&&abs(q.y)<.10) c=logo_color;
        if(back_print==2&&length(q*vec2(1.,.8))<.07) c=logo_color; } }
    else if(boot){ c=shoe; if(C.z<-.845) c=mix(shoe,vec3(.85),.55); }
    else if(C.z>leg_end && has_skirt!=2){  // trousers: 8 faded jeans, 9 side stripe
      folds=wrinkle; c=cloth(bottom_pattern<8?bottom_pattern:0,C.xz,bottom,bottom2,.07);
      if(bottom_pattern==8) c*=.86+.40*exp(-pow((C.z+.25)/.13,2.))*step(C.y,.0)+.1*noise(C*60.);
      if(bottom_pattern==9 && x>.145+(-.2-C.z)*.1 && abs(C.y)<.035) c=bottom2; }
    else { c = tights>.5 ? vec3(.08) : skin; if(socks>.5 && C.z<-.70) c=vec3(.85); }
    // straps
    if(bag==1 && A<0. && C.y<.05 && abs(x-.105)<.022 && C.z>.16 && C.z<.5) c=bag_color;
    if(bag==2 && A<0. && C.z>0. && C.z<.49 && abs(C.x*bag_side*1.6+(C.z-.28))<.022) c=bag_color;
  }
  else if(kind==1){                                          // long coat, hood
    c=cloth(pattern==6?0:pattern,C.xz,top,top2,period); folds=wrinkle;
    if(abs(C.x)<.012&&C.y<0.) c*=.6; }
  else if(kind==2){                        // skirt; 10: a dress, of the cloth of the top
    c = bottom_pattern==10 ? cloth(pattern==6?0:pattern,C.xz,top,top2,period)
      : cloth(bottom_pattern<8?bottom_pattern:0,C.xz,bottom,bottom2,.07);
    folds=wrinkle*(.85+.15*sin(atan(C.y,C.x)*14.)); }
  else if(kind==3){ c=bag_color*(.85+.3*noise(C*25.)); if(fract(C.z*7.)<.1) c*=.6; }
  else if(kind==4) c=hat_color;
  else c=hair_color*(.75+.5*noise(C*vec3(70.,70.,12.)));
  o=vec4(shade(clamp(c,0.,1.)*mix(1.,folds,.6), n, P, .25),1);
}
"""
)
