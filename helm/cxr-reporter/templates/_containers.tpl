{{/* Containers and volumes that several pods share. */}}

{{/* Waits until the schema is at least the one that this release's code knows, while the migrations Job runs. */}}
{{- define "cxr.waitForSchema" -}}
- name: wait-for-schema
  image: {{ include "cxr.image" (list . .Values.api.image) }}
  imagePullPolicy: {{ .Values.image.pullPolicy }}
  command: [python, -m, migrations, wait]
  env:
    {{- include "cxr.databaseEnv" . | nindent 4 }}
    {{- include "cxr.commonEnv" (list . "") | nindent 4 }}
  securityContext:
    {{- include "cxr.containerSecurity" . | nindent 4 }}
  resources:
    {{- toYaml .Values.migrations.resources | nindent 4 }}
  volumeMounts:
    - {name: tmp, mountPath: /tmp}
    {{- include "cxr.extraVolumeMounts" . | nindent 4 }}
{{- end }}

{{/* Fetches model files from the bucket, and stops the pod when a digest is not the one that was asked for. */}}
{{- define "cxr.pullModels" -}}
{{- if .Values.models.pull.objects }}
- name: pull-models
  image: {{ include "cxr.image" (list . .Values.api.image) }}
  imagePullPolicy: {{ .Values.image.pullPolicy }}
  command: [python, /chart/pull_models.py, /chart/models.json, /models]
  env:
    - {name: PYTHONPATH, value: /app}
    {{- include "cxr.storageEnv" . | nindent 4 }}
    {{- include "cxr.commonEnv" (list . "") | nindent 4 }}
  securityContext:
    {{- include "cxr.containerSecurity" . | nindent 4 }}
  resources:
    {{- toYaml .Values.migrations.resources | nindent 4 }}
  volumeMounts:
    - {name: tmp, mountPath: /tmp}
    - {name: models, mountPath: /models}
    - {name: models-list, mountPath: /chart, readOnly: true}
    {{- include "cxr.extraVolumeMounts" . | nindent 4 }}
{{- end }}
{{- end }}

{{/* The volumes behind /models. */}}
{{- define "cxr.modelVolumes" -}}
{{- if .Values.models.existingClaim }}
- name: models
  persistentVolumeClaim:
    claimName: {{ .Values.models.existingClaim }}
    readOnly: true
{{- else if .Values.models.pull.objects }}
- name: models
  emptyDir: {sizeLimit: {{ .Values.models.pull.space }}}
- name: models-list
  configMap:
    name: {{ include "cxr.fullname" . }}-models
{{- end }}
{{- end }}
{{- define "cxr.modelMount" -}}
{{- if or .Values.models.existingClaim .Values.models.pull.objects }}
- {name: models, mountPath: /models, readOnly: true}
{{- end }}
{{- end }}

{{/* Restarts pods when the list of models, or the way they are fetched, changes. */}}
{{- define "cxr.modelsChecksum" -}}
{{- if .Values.models.pull.objects }}
annotations:
  checksum/models: {{ printf "%s%s" (toJson .Values.models.pull.objects) (.Files.Get "files/pull_models.py") | sha256sum }}
{{- end }}
{{- end }}

{{- define "cxr.extraVolumes" -}}
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end }}
{{- define "cxr.extraVolumeMounts" -}}
{{- with .Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/*
A worker's probes. Its metrics port opens before its model is loaded, so they say that the process lives and its
interpreter turns, and no more: whether work goes on is an alert's business (CxrStageStands).
*/}}
{{- define "cxr.workerProbes" -}}
startupProbe:
  httpGet: {path: /metrics, port: metrics}
  periodSeconds: 2
  failureThreshold: 60
livenessProbe:
  httpGet: {path: /metrics, port: metrics}
  periodSeconds: 20
  timeoutSeconds: 10
  failureThreshold: 6
readinessProbe:
  httpGet: {path: /metrics, port: metrics}
  periodSeconds: 10
  timeoutSeconds: 10
{{- end }}
