{{/* The chart's name. */}}
{{- define "cxr.name" -}}
cxr-reporter
{{- end }}

{{/* What all names begin with. 40 characters leave room for the longest suffix: names end at 63. */}}
{{- define "cxr.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains (include "cxr.name" .) .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "cxr.name" .) | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end }}

{{/* What a selector holds. Called with (list $ "component"). It never changes: selectors cannot. */}}
{{- define "cxr.selectorLabels" -}}
app.kubernetes.io/name: {{ include "cxr.name" (index . 0) }}
app.kubernetes.io/instance: {{ (index . 0).Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}

{{/* Every object's labels. Called with (list $ "component"). */}}
{{- define "cxr.labels" -}}
{{- $root := index . 0 -}}
{{ include "cxr.selectorLabels" . }}
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
app.kubernetes.io/part-of: {{ include "cxr.name" $root }}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" }}
{{- with $root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* One of our images. Called with (list $ .Values.api.image). */}}
{{- define "cxr.image" -}}
{{- $root := index . 0 -}}
{{- $image := index . 1 -}}
{{- $tag := $image.tag | default $root.Values.image.tag | default $root.Chart.AppVersion -}}
{{- include "cxr.imageName" (list $root.Values.image.registry $image.repository $tag $image.digest) -}}
{{- end }}

{{/* Another maker's image. Called with (list $ .Values.vllm.image). */}}
{{- define "cxr.upstreamImage" -}}
{{- $image := index . 1 -}}
{{- include "cxr.imageName" (list (index . 0).Values.image.upstreamRegistry $image.repository $image.tag $image.digest) -}}
{{- end }}

{{/* registry/repository:tag, or @digest. Called with (list registry repository tag digest). */}}
{{- define "cxr.imageName" -}}
{{- if index . 0 }}{{ trimSuffix "/" (index . 0) }}/{{ end -}}
{{- index . 1 -}}
{{- if index . 3 }}@{{ index . 3 }}{{ else }}:{{ index . 2 }}{{ end -}}
{{- end }}

{{/*
What every pod says of itself, beyond its containers. Called with (list $ "component" values uid), where
values holds nodeSelector, tolerations, affinity and priorityClassName, and uid is the image's own user.
*/}}
{{- define "cxr.pod" -}}
{{- $root := index . 0 -}}
{{- $component := index . 1 -}}
{{- $values := index . 2 -}}
{{- $uid := index . 3 -}}
serviceAccountName: {{ include "cxr.fullname" $root }}-{{ $component }}
automountServiceAccountToken: false
# Without this a Service named cxr-api puts CXR_API_PORT=tcp://… into every pod, where our settings would read it.
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  {{- if not $root.Values.openshift }}
  runAsUser: {{ $uid }}
  runAsGroup: {{ $uid }}
  fsGroup: {{ $uid }}
  fsGroupChangePolicy: OnRootMismatch
  {{- end }}
  seccompProfile: {type: RuntimeDefault}
{{- with $root.Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- with include "cxr.priorityClass" (list $root $component $values) }}
priorityClassName: {{ . }}
{{- end }}
{{- with $values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* The component's own PriorityClass, or that of priorityClasses.create, or none. */}}
{{- define "cxr.priorityClass" -}}
{{- $root := index . 0 -}}
{{- $own := get (index . 2) "priorityClassName" -}}
{{- if $own -}}
{{- $own -}}
{{- else if $root.Values.priorityClasses.create -}}
{{- $work := list "worker-cnn" "worker-llm" "vllm" -}}
{{- include "cxr.priorityClassName" (list $root (ternary "work" "interactive" (has (index . 1) $work))) -}}
{{- end -}}
{{- end }}

{{/* PriorityClasses belong to no namespace, so theirs is part of the name. Called with (list $ "work"). */}}
{{- define "cxr.priorityClassName" -}}
{{- $root := index . 0 -}}
{{- printf "%s-%s-%s" ($root.Release.Namespace | trunc 20 | trimSuffix "-") (include "cxr.fullname" $root | trunc 28 | trimSuffix "-") (index . 1) -}}
{{- end }}

{{/* Spreads a component's pods. Called with (list $ "component"). */}}
{{- define "cxr.topologySpread" -}}
{{- $selector := include "cxr.selectorLabels" . -}}
{{- $spread := (index . 0).Values.topologySpread -}}
{{- if or $spread.zone $spread.host }}
topologySpreadConstraints:
  {{- with $spread.zone }}
  - maxSkew: 1
    topologyKey: topology.kubernetes.io/zone
    whenUnsatisfiable: {{ . }}
    labelSelector:
      matchLabels:
        {{- $selector | nindent 8 }}
  {{- end }}
  {{- with $spread.host }}
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: {{ . }}
    labelSelector:
      matchLabels:
        {{- $selector | nindent 8 }}
  {{- end }}
{{- end }}
{{- end }}

{{/* Every container's security context: the "restricted" Pod Security Standard and a read-only root. */}}
{{- define "cxr.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{/* The resources of a container with or without a GPU. Called with (list resources gpu). */}}
{{- define "cxr.resourcesWithGpu" -}}
{{- $resources := deepCopy (index . 0) -}}
{{- $gpu := index . 1 -}}
{{- if $gpu.enabled -}}
{{- $limits := merge (dict $gpu.resourceName $gpu.count) (get $resources "limits" | default dict) -}}
{{- $_ := set $resources "limits" $limits -}}
{{- end -}}
{{- toYaml $resources -}}
{{- end }}

{{/* Host names of the servers, bundled or external. */}}
{{- define "cxr.postgresHost" -}}
{{- if .Values.postgres.bundled.enabled }}{{ include "cxr.fullname" . }}-postgres{{ else }}{{ .Values.postgres.external.host }}{{ end -}}
{{- end }}
{{- define "cxr.postgresPort" -}}
{{- if .Values.postgres.bundled.enabled }}5432{{ else }}{{ .Values.postgres.external.port }}{{ end -}}
{{- end }}
{{- define "cxr.valkeyHost" -}}
{{- if .Values.valkey.bundled.enabled }}{{ include "cxr.fullname" . }}-valkey{{ else }}{{ .Values.valkey.external.host }}{{ end -}}
{{- end }}

{{/* Names of the Secrets, ours or the operator's. */}}
{{- define "cxr.postgresSecret" -}}
{{- .Values.postgres.existingSecret | default (printf "%s-postgres" (include "cxr.fullname" .)) -}}
{{- end }}
{{- define "cxr.valkeySecret" -}}
{{- .Values.valkey.existingSecret | default (printf "%s-valkey" (include "cxr.fullname" .)) -}}
{{- end }}
{{- define "cxr.s3Secret" -}}
{{- .Values.s3.existingSecret | default (printf "%s-s3" (include "cxr.fullname" .)) -}}
{{- end }}
{{- define "cxr.adminKeySecret" -}}
{{- .Values.api.adminKey.existingSecret | default (printf "%s-admin-key" (include "cxr.fullname" .)) -}}
{{- end }}

{{/*
The value of a generated Secret: what the cluster has already, or a new one. Called with (list $ name key length).
Without `lookup` an upgrade would make a new password that the server on the old disk does not know. Where
there is no cluster to ask (helm template, Argo CD) every render makes a new one: use existingSecret there.
*/}}
{{- define "cxr.keptOrNew" -}}
{{- $existing := lookup "v1" "Secret" (index . 0).Release.Namespace (index . 1) -}}
{{- $kept := get (get ($existing | default dict) "data" | default dict) (index . 2) -}}
{{- $kept | default (randAlphaNum (int (index . 3)) | b64enc) -}}
{{- end }}

{{/* KEDA runs in a namespace of its own, so it needs the bundled server's whole name. */}}
{{- define "cxr.kedaPostgresHost" -}}
{{- include "cxr.postgresHost" . -}}
{{- if .Values.postgres.bundled.enabled }}.{{ .Release.Namespace }}.svc{{ end -}}
{{- end }}
{{- define "cxr.kedaSslMode" -}}
{{- if .Values.postgres.bundled.enabled }}disable{{ else }}{{ .Values.keda.sslMode | default .Values.postgres.external.sslMode }}{{ end -}}
{{- end }}

{{/* Whom an egress rule means: a bundled server's pods, or addresses. Called with (list $ "component" bundled cidrs). */}}
{{- define "cxr.peer" -}}
{{- if index . 2 -}}
- podSelector:
    matchLabels:
      {{- include "cxr.selectorLabels" (list (index . 0) (index . 1)) | nindent 6 }}
{{- else -}}
{{- range index . 3 }}
- ipBlock: {cidr: {{ . }}}
{{- end }}
{{- end -}}
{{- end }}

{{/* The port of a URL, by its scheme when it names none. */}}
{{- define "cxr.urlPort" -}}
{{- $url := urlParse . -}}
{{- $port := regexFind ":[0-9]+$" $url.host | trimPrefix ":" -}}
{{- $port | default (ternary "80" "443" (eq $url.scheme "http")) -}}
{{- end }}
{{- define "cxr.s3Port" -}}
{{- if .Values.s3.bundled.enabled }}8333{{ else if .Values.s3.external.endpoint }}{{ include "cxr.urlPort" .Values.s3.external.endpoint }}{{ else }}443{{ end -}}
{{- end }}

{{/*
Of a worker's grace period, the seconds that are kept to give back what is not finished: one statement in Postgres,
which may be slow or fail over meanwhile.
*/}}
{{- define "cxr.giveBackSeconds" -}}10{{- end }}

{{/* Seconds after SIGTERM that a worker goes on with what it holds (CXR_QUEUE_DRAIN). Called with (list $ .Values.workerCnn). */}}
{{- define "cxr.drainSeconds" -}}
{{- sub (index . 1).terminationGracePeriodSeconds (include "cxr.giveBackSeconds" (index . 0)) -}}
{{- end }}

{{/* Where a writer that sees runs, by files/writers.json: in-process, side-car or azure; empty for any other. */}}
{{- define "cxr.writerRuns" -}}
{{- get (.Files.Get "files/writers.json" | fromJson) .Values.workerLlm.writer -}}
{{- end }}

{{/* The writers of worker-llm, as JSON: the one of reports, and its shadow. */}}
{{- define "cxr.writers" -}}
{{- list .Values.workerLlm.writer (get .Values.workerLlm.settings "CXR_REPORT_SHADOW") | compact | toJson -}}
{{- end }}

{{/* "true" when one of them is shown the radiographs: only then does worker-llm reach the bucket. */}}
{{- define "cxr.writerSees" -}}
{{- $seeing := .Files.Get "files/writers.json" | fromJson -}}
{{- range include "cxr.writers" . | fromJsonArray -}}
{{- if or (hasKey $seeing .) (and (eq . "openai") $.Values.workerLlm.images) -}}true{{- end -}}
{{- end -}}
{{- end }}

{{/* "true" when one's model runs behind a server that is not the chart's. */}}
{{- define "cxr.writerAsks" -}}
{{- $seeing := .Files.Get "files/writers.json" | fromJson -}}
{{- range include "cxr.writers" . | fromJsonArray -}}
{{- if or (and (eq . "openai") (not $.Values.vllm.enabled)) (has (get $seeing .) (list "side-car" "azure")) -}}true{{- end -}}
{{- end -}}
{{- end }}

{{/* "true" when worker-llm's pods reach the bucket: to show radiographs, or to fetch weights before they start. */}}
{{- define "cxr.writerStores" -}}
{{- if or (include "cxr.writerSees" .) .Values.models.pull.objects -}}true{{- end -}}
{{- end }}
