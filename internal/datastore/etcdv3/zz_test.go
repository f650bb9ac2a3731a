package etcdv3
import ("testing";"time";"context";"net";"fmt";"os"
"github.com/calico-terraform/terraform-provider-calico/internal/acctest")
func show(t *testing.T, name string, cfg Config){
 t.Helper()
 s:=time.Now(); c,err:=Connect(context.Background(),cfg); d:=time.Since(s)
 fmt.Fprintf(os.Stderr,"%-40s %8s %T %v\n",name,d.Round(time.Millisecond),err,err)
 if c!=nil { 
   s=time.Now(); ctx,cf:=context.WithTimeout(context.Background(),3*time.Second); _,err:=c.Put(ctx,"/calico/x","1"); cf()
   fmt.Fprintf(os.Stderr,"    put %s %v -> %v\n",time.Since(s).Round(time.Millisecond),err,translate(err,"/calico/x",cfg))
   c.Close()}
}
func TestZZ(t *testing.T){
 plain:=acctest.NewEtcd(t)
 tl:=acctest.NewEtcd(t,acctest.WithTLS())
 au:=acctest.NewEtcd(t,acctest.WithAuth(),acctest.WithTLS())
 other,_:=acctest.NewCertificates(t.TempDir())
 C:=tl.Certificates
 https:=func(s string)string{return "https"+s[4:]}
 http:=func(s string)string{return "http"+s[5:]}
 good:=Config{Endpoints:tl.Endpoints,CACert:[]byte(C.CA),Cert:[]byte(C.Cert),Key:[]byte(C.Key)}
 show(t,"plain ok",Config{Endpoints:plain.Endpoints})
 show(t,"tls ok",good)
 x:=good; x.CACert=[]byte(other.CA); show(t,"unknown CA",x)
 x=good; x.CACert=[]byte(other.CA+C.CA); show(t,"second CA in bundle",x)
 x=good; x.CACert=nil; show(t,"system roots",x)
 x=good; x.Cert=nil;x.Key=nil; show(t,"no client cert",x)
 x=good; x.Cert=[]byte(other.Cert);x.Key=[]byte(other.Key); show(t,"foreign client cert",x)
 x=good; x.Endpoints=[]string{https(plain.Endpoints[0])}; show(t,"https to plaintext",x)
 x=Config{Endpoints:[]string{http(tl.Endpoints[0])}}; show(t,"http to tls",x)
 l,_:=net.Listen("tcp","127.0.0.1:0"); addr:=l.Addr().String(); 
 x=Config{Endpoints:[]string{"http://"+addr},DialTimeout:2*time.Second}; show(t,"silent server http",x)
 x.Endpoints=[]string{"https://"+addr};show(t,"silent server https",x)
 l.Close()
 x=Config{Endpoints:[]string{"http://"+addr}}; show(t,"refused",x)
 x.Endpoints=[]string{"https://"+addr};show(t,"refused https",x)
 x.Username="a";x.Password="pw";show(t,"refused https auth",x)
 x=Config{Endpoints:[]string{"http://"+addr,plain.Endpoints[0]}}; show(t,"one refused, one ok",x)
 x=Config{Endpoints:[]string{"http://192.0.2.1:2379"},DialTimeout:3*time.Second}; show(t,"blackhole?",x)
 x=Config{Endpoints:[]string{"http://no-such-host.invalid:2379"},DialTimeout:3*time.Second}; show(t,"no such host",x)
 x=Config{Endpoints:[]string{"http://192.0.2.1:2379",plain.Endpoints[0]}}; show(t,"blackhole+ok",x)
 x=good; x.Endpoints=[]string{"https://127.0.0.2:"+tl.Endpoints[0][len("https://127.0.0.1:"):]}; show(t,"wrong name",x)
 A:=au.Certificates
 ag:=Config{Endpoints:au.Endpoints,CACert:[]byte(A.CA),Cert:[]byte(A.Cert),Key:[]byte(A.Key)}
 show(t,"auth needed, none given",ag)
 ag.Username,ag.Password=au.Reader.Name,"wrong"; show(t,"wrong password",ag)
 ag.Username="nobody"; show(t,"unknown user",ag)
 ag.Username,ag.Password=au.Reader.Name,au.Reader.Password; show(t,"reader",ag)
 ag.Username,ag.Password=au.Writer.Name,au.Writer.Password; show(t,"writer",ag)
 x=ag; x.CACert=[]byte(other.CA); show(t,"auth+unknown CA",x)
 x=Config{Endpoints:plain.Endpoints,Username:"a",Password:"b"}; show(t,"auth given, not enabled",x)
 plain.Pause(t,0); x=Config{Endpoints:plain.Endpoints,DialTimeout:2*time.Second}; show(t,"paused",x); x.Username,x.Password="a","b"; show(t,"paused auth",x); plain.Resume(t,0)
 ctx,c:=context.WithTimeout(context.Background(),100*time.Millisecond); defer c()
 s:=time.Now(); _,err:=Connect(ctx,Config{Endpoints:[]string{"http://192.0.2.1:2379"}}); fmt.Fprintln(os.Stderr,"ctx 100ms",time.Since(s),err)
}
