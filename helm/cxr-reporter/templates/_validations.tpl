{{/*
What does not fit together stops the render, and says what to write instead. What a single value may be is
values.schema.json's business.
*/}}
{{- define "cxr.validate" -}}
{{- $values := .Values -}}

{{- /* Postgres, Valkey, S3: one of each, and its Secret. */ -}}
{{- range $name := list "postgres" "valkey" "s3" -}}
{{- $server := get $values $name -}}
{{- if and $server.bundled.enabled $server.external.enabled -}}
{{- fail (printf "%s: both the bundled and an external server are on. Set %s.bundled.enabled=false to use yours, or %s.external.enabled=false to try out with the bundled one." $name $name $name) -}}
{{- end -}}
{{- if not (or $server.bundled.enabled $server.external.enabled) -}}
{{- fail (printf "%s: neither a bundled nor an external server is on. Set %s.external.enabled=true and %s.external.%s for yours, or %s.bundled.enabled=true to try out." $name $name $name (ternary "endpoint" "host" (eq $name "s3")) $name) -}}
{{- end -}}
{{- end -}}
{{- range $name := list "postgres" "valkey" -}}
{{- $server := get $values $name -}}
{{- if and $server.external.enabled (not $server.external.host) -}}
{{- fail (printf "%s: the external server has no name. Set %s.external.host." $name $name) -}}
{{- end -}}
{{- end -}}
{{- if and $values.postgres.external.enabled (not $values.postgres.existingSecret) -}}
{{- fail "postgres: the external server's password is missing. Put it into a Secret, and set postgres.existingSecret to the Secret's name (its key: postgres.passwordKey)." -}}
{{- end -}}
{{- if and $values.valkey.external.enabled $values.valkey.external.auth (not $values.valkey.existingSecret) -}}
{{- fail "valkey: the external server's password is missing. Put it into a Secret, and set valkey.existingSecret to the Secret's name; or set valkey.external.auth=false if it wants none." -}}
{{- end -}}
{{- if and $values.valkey.external.enabled (not $values.valkey.external.auth) $values.valkey.external.username -}}
{{- fail "valkey: valkey.external.username needs a password. Set valkey.external.auth=true and valkey.existingSecret, or empty the username." -}}
{{- end -}}
{{- if $values.s3.external.enabled -}}
{{- if and (not $values.s3.existingSecret) (not $values.s3.external.workloadIdentity) -}}
{{- fail "s3: the external store's credentials are missing. Put them into a Secret, and set s3.existingSecret to the Secret's name (its keys: s3.accessKeyKey, s3.secretKeyKey); or set s3.external.workloadIdentity=true when pods get them by their ServiceAccount." -}}
{{- end -}}
{{- if and $values.s3.existingSecret $values.s3.external.workloadIdentity -}}
{{- fail "s3: both a Secret and workload identity are set. Empty s3.existingSecret, or set s3.external.workloadIdentity=false." -}}
{{- end -}}
{{- else if $values.s3.external.workloadIdentity -}}
{{- fail "s3: the bundled store knows no workload identity. Set s3.external.workloadIdentity=false." -}}
{{- end -}}

{{- /* Leases. */ -}}
{{- if ge (mulf 2 $values.lease.heartbeatSeconds) (float64 $values.lease.seconds) -}}
{{- fail (printf "lease: a lease of %v s has no room for a missed heartbeat every %v s. Set lease.seconds to more than twice lease.heartbeatSeconds." $values.lease.seconds $values.lease.heartbeatSeconds) -}}
{{- end -}}

{{- /* Both workers. */ -}}
{{- range $name := list "workerCnn" "workerLlm" -}}
{{- $worker := get $values $name -}}
{{- if le (float64 $worker.terminationGracePeriodSeconds) (float64 $values.lease.seconds) -}}
{{- fail (printf "%s: terminationGracePeriodSeconds (%v) must be more than lease.seconds (%v): a pod that is stopped finishes its studies or gives them back. Set %s.terminationGracePeriodSeconds to %v or more." $name $worker.terminationGracePeriodSeconds $values.lease.seconds $name (add1 (ceil $values.lease.seconds))) -}}
{{- end -}}
{{- if lt (int (include "cxr.drainSeconds" (list $ $worker))) 1 -}}
{{- $kept := include "cxr.giveBackSeconds" $ -}}
{{- fail (printf "%s: of terminationGracePeriodSeconds (%v) %s s are kept to give studies back, and nothing is left to finish any. Set %s.terminationGracePeriodSeconds to %v or more." $name $worker.terminationGracePeriodSeconds $kept $name (add1 $kept)) -}}
{{- end -}}
{{- if gt (int $worker.autoscaling.minReplicas) (int $worker.autoscaling.maxReplicas) -}}
{{- fail (printf "%s: autoscaling.minReplicas (%v) is more than maxReplicas (%v). Set %s.autoscaling.maxReplicas to %v or more." $name $worker.autoscaling.minReplicas $worker.autoscaling.maxReplicas $name $worker.autoscaling.minReplicas) -}}
{{- end -}}
{{- $cuda := hasPrefix "cuda" $worker.device -}}
{{- if and $worker.gpu.enabled (not $cuda) -}}
{{- fail (printf "%s: a GPU is requested, but device is %q. Set %s.device=cuda, or %s.gpu.enabled=false." $name $worker.device $name $name) -}}
{{- end -}}
{{- if and $cuda (not $worker.gpu.enabled) -}}
{{- fail (printf "%s: device is %q, but no GPU is requested. Set %s.gpu.enabled=true (or %s.device=cpu)." $name $worker.device $name $name) -}}
{{- end -}}
{{- end -}}

{{- /* The API. */ -}}
{{- if gt (int $values.api.autoscaling.minReplicas) (int $values.api.autoscaling.maxReplicas) -}}
{{- fail (printf "api: autoscaling.minReplicas (%v) is more than maxReplicas (%v). Set api.autoscaling.maxReplicas to %v or more." $values.api.autoscaling.minReplicas $values.api.autoscaling.maxReplicas $values.api.autoscaling.minReplicas) -}}
{{- end -}}
{{- if and $values.api.ingress.enabled (not $values.api.ingress.host) -}}
{{- fail "api: the Ingress has no host, and would answer for every host of the cluster. Set api.ingress.host." -}}
{{- end -}}
{{- if and $values.api.httpRoute.enabled (not $values.api.httpRoute.parentRefs) -}}
{{- fail "api: the HTTPRoute hangs on no Gateway. Set api.httpRoute.parentRefs." -}}
{{- end -}}

{{- /* Report writers. */ -}}
{{- if eq $values.workerLlm.writer "llama-cpp" -}}
{{- if ne $values.workerLlm.device "cpu" -}}
{{- fail (printf "workerLlm: writer llama-cpp runs on the CPU, but device is %q. Set workerLlm.writer=transformers and workerLlm.image.tag to that of the CUDA image, or workerLlm.device=cpu." $values.workerLlm.device) -}}
{{- end -}}
{{- if not (or (eq $values.workerLlm.model "bundled") (hasSuffix ".gguf" $values.workerLlm.model)) -}}
{{- fail (printf "workerLlm: writer llama-cpp reads .gguf files, and model is %q. For a Hugging Face model set workerLlm.writer=transformers." $values.workerLlm.model) -}}
{{- end -}}
{{- end -}}
{{- if and $values.vllm.enabled (ne $values.workerLlm.writer "openai") -}}
{{- fail (printf "vllm: it is on, but workerLlm.writer is %q and would never ask it. Set workerLlm.writer=openai, or vllm.enabled=false." $values.workerLlm.writer) -}}
{{- end -}}
{{- if and $values.vllm.enabled (not $values.vllm.model) -}}
{{- fail "vllm: it has no model. Set vllm.model to a folder below /models (see models) or to a Hugging Face id with vllm.downloads=true." -}}
{{- end -}}
{{- if and $values.vllm.enabled $values.workerLlm.server.url -}}
{{- fail "vllm: both vllm.enabled and workerLlm.server.url are set. Empty workerLlm.server.url, or set vllm.enabled=false." -}}
{{- end -}}
{{- $writer := $values.workerLlm.writer -}}
{{- $runs := include "cxr.writerRuns" $ -}}
{{- if and (has $runs (list "side-car" "azure")) (not $values.workerLlm.server.url) -}}
{{- fail (printf "workerLlm: writer %s runs behind a server, and there is none. Set workerLlm.server.url to %s." $writer (ternary "its scoring address in Azure, which ends in /score" "that of its side-car (docs/how-to/run-a-vision-language-model.md)" (eq $runs "azure"))) -}}
{{- end -}}
{{- if eq $runs "in-process" -}}
{{- if eq $values.workerLlm.model "bundled" -}}
{{- fail (printf "workerLlm: writer %s fetches nothing, and its weights are in no image. Put them at /models by models.existingClaim or models.pull.objects, and set workerLlm.model to their folder, such as /models/%s." $writer $writer) -}}
{{- end -}}
{{- if not (or $values.workerLlm.image.tag $values.workerLlm.image.digest) -}}
{{- fail (printf "workerLlm: writer %s runs in the CUDA image alone, on a CPU too (slowly). Set workerLlm.image.tag to that image's, such as %s-cuda." $writer ($values.image.tag | default $.Chart.AppVersion)) -}}
{{- end -}}
{{- end -}}
{{- if and $values.workerLlm.images (ne $writer "openai") -}}
{{- fail (printf "workerLlm: images is for the server of writer openai, and writer is %q. Set workerLlm.images=false: a model that sees is shown the radiographs anyway." $writer) -}}
{{- end -}}
{{- if eq $writer "openai" -}}
{{- if not (or $values.vllm.enabled $values.workerLlm.server.url) -}}
{{- fail "workerLlm: writer is openai, but there is no server. Set workerLlm.server.url to yours, or vllm.enabled=true." -}}
{{- end -}}
{{- if and (not $values.vllm.enabled) (eq $values.workerLlm.model "bundled") -}}
{{- fail "workerLlm: an OpenAI-compatible server knows no model named 'bundled'. Set workerLlm.model to the server's name for it." -}}
{{- end -}}
{{- end -}}
{{- if or (eq $writer "openai") (include "cxr.writerAsks" $) -}}
{{- if $values.workerLlm.gpu.enabled -}}
{{- fail (printf "workerLlm: with writer %s the model runs elsewhere, and a GPU of its own would stand idle. Set workerLlm.gpu.enabled=false and workerLlm.device=cpu." $writer) -}}
{{- end -}}
{{- else if $values.workerLlm.server.url -}}
{{- fail (printf "workerLlm: server.url is set, but writer is %q. Set workerLlm.writer=openai, or empty workerLlm.server.url." $writer) -}}
{{- end -}}

{{- /* The endpoint of the classifier or the encoder; a bundle in a folder may be asked at one too, as its card says. */ -}}
{{- $cnn := $values.workerCnn -}}
{{- $needed := or (eq $cnn.encoder "medimageinsight") (eq $cnn.bundle "medimageinsight-zero-shot") -}}
{{- if or (and $needed (not $cnn.server.url)) (and $cnn.server.url (not $needed) (eq $cnn.bundle "bundled")) -}}
{{- fail (printf "workerCnn: bundle is %q, encoder is %q and server.url is %q. Set workerCnn.server.url to the endpoint's scoring address for bundle medimageinsight-zero-shot or encoder medimageinsight, and empty it for any other." $cnn.bundle $cnn.encoder $cnn.server.url) -}}
{{- end -}}

{{- /* Models. */ -}}
{{- if and $values.models.existingClaim $values.models.pull.objects -}}
{{- fail "models: both existingClaim and pull.objects are set. Keep one of them." -}}
{{- end -}}
{{- $mounted := or $values.models.existingClaim $values.models.pull.objects -}}
{{- range $name, $folder := dict "workerCnn.bundle" $values.workerCnn.bundle "workerCnn.encoder" $values.workerCnn.encoder "workerLlm.model" $values.workerLlm.model "vllm.model" $values.vllm.model -}}
{{- if and (hasPrefix "/models" $folder) (not $mounted) -}}
{{- fail (printf "%s: %s is named, but nothing is mounted at /models. Set models.existingClaim or models.pull.objects." $name $folder) -}}
{{- end -}}
{{- end -}}

{{- /* Training. */ -}}
{{- if and $values.training.enabled (not (and $values.training.dataClaim $values.training.outputClaim)) -}}
{{- fail "training: it needs disks. Set training.dataClaim (the radiographs) and training.outputClaim (what comes out)." -}}
{{- end -}}
{{- end }}
